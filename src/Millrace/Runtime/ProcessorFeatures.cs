using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime;

/// <summary>The processor's name and the instruction sets that the kernels can use.</summary>
internal static class ProcessorFeatures
{
    private const string CpuInfo = "/proc/cpuinfo";

    public static string Name() =>
        CpuInfoValue("model name") ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";

    /// <summary>Those that the processor has and the system lets programs use.</summary>
    public static IReadOnlyList<string> InstructionSets()
    {
        if (CpuInfoValue("flags") is { } flags)
        {
            string[] present = flags.Split(' ');
            return [.. new[] { "AVX2", "AVX512F", "AVX512_BF16", "AMX_BF16", "AMX_INT8" }.Where(set => present.Contains(set.ToLowerInvariant()))];
        }

        return [.. new[] { ("AVX2", Avx2.IsSupported), ("AVX512F", Avx512F.IsSupported), ("NEON", AdvSimd.IsSupported) }.Where(set => set.Item2).Select(set => set.Item1)];
    }

    private static string? CpuInfoValue(string key) =>
        File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(':', 2)[^1].Trim()
            : null;
}
