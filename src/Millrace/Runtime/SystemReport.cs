using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Millrace.Runtime;

/// <summary>What this machine offers to the engine, and what is wrong with it.</summary>
public sealed record SystemReport
{
    private const long Gibibyte = 1L << 30;

    /// <summary>Operating system, as it names itself.</summary>
    public string OperatingSystem { get; init; } = RuntimeInformation.OSDescription;

    /// <summary>Platform that native libraries must be made for, such as linux-x64.</summary>
    public string Platform { get; init; } = RuntimeInformation.RuntimeIdentifier;

    /// <summary>The .NET runtime.</summary>
    public string DotNet { get; init; } = RuntimeInformation.FrameworkDescription;

    /// <summary>Name of the processor.</summary>
    public required string Processor { get; init; }

    /// <summary>Cores that this process may use.</summary>
    public int Cores { get; init; } = Environment.ProcessorCount;

    /// <summary>Instruction sets that matter to the kernels, of AVX2, AVX512F, AVX512_BF16, AMX_BF16 and AMX_INT8; those that the processor has.</summary>
    public required IReadOnlyList<string> InstructionSets { get; init; }

    /// <summary>Memory that this process may use, bytes.</summary>
    public required long MemoryTotal { get; init; }

    /// <summary>Memory that is free or can be freed at once, bytes.</summary>
    public required long MemoryAvailable { get; init; }

    /// <summary>Version of TorchSharp.</summary>
    public required string TorchSharp { get; init; }

    /// <summary>Version of libtorch; null where it does not load or does not tell.</summary>
    public string? LibTorch { get; init; }

    /// <summary>Folder of libtorch; null where it does not load, or the system found it by itself.</summary>
    public string? LibTorchFolder { get; init; }

    /// <summary>The newest symbol version of the C++ runtime library, such as GLIBCXX_3.4.30; null where there is none.</summary>
    public string? CxxRuntime { get; init; }

    /// <summary>Devices that tensors can live on, the processor first; empty where libtorch does not load.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Threads of one operator; 0 where libtorch does not load.</summary>
    public int Threads { get; init; }

    /// <summary>Path of ffmpeg; null where it is not installed.</summary>
    public string? Ffmpeg { get; init; }

    /// <summary>Version of ffmpeg; null where it is not installed.</summary>
    public string? FfmpegVersion { get; init; }

    /// <summary>What is wrong; empty on a machine that has all.</summary>
    public required IReadOnlyList<SystemFinding> Findings { get; init; }

    /// <summary>Whether the engine runs here: nothing that is needed is missing.</summary>
    public bool Works => Findings.All(finding => !finding.Needed);

    /// <summary>The instruction sets of this machine, of those that <see cref="InstructionSets"/> lists.</summary>
    public static IReadOnlyList<string> InstructionSetsHere() => ProcessorFeatures.InstructionSets();

    /// <summary>Looks at this machine. Loads libtorch, runs one small convolution, and asks ffmpeg for its version.</summary>
    public static SystemReport Collect()
    {
        MemoryReading memory = MemoryReading.Now();
        (string? ffmpeg, string? ffmpegVersion) = FindFfmpeg();
        var report = new SystemReport
        {
            Processor = ProcessorFeatures.Name(),
            InstructionSets = ProcessorFeatures.InstructionSets(),
            MemoryTotal = memory.Total,
            MemoryAvailable = memory.Available,
            TorchSharp = typeof(torch).Assembly.GetName().Version!.ToString(3),
            CxxRuntime = CxxRuntimeLibrary.NewestSymbolVersion(),
            Ffmpeg = ffmpeg,
            FfmpegVersion = ffmpegVersion,
            Findings = [],
        };
        return WithFindings(WithLibTorch(report));
    }

    private static SystemReport WithLibTorch(SystemReport report)
    {
        try
        {
            Runtime.LibTorch.Load();
            return WithDevices(report with { LibTorch = Runtime.LibTorch.Version?.ToString(), LibTorchFolder = Runtime.LibTorch.Folder });
        }
        catch (LibTorchLoadException error)
        {
            return report with { Findings = [new SystemFinding($"libtorch cannot be loaded: {error.Library}: {error.Reason}.", error.Cure, Needed: true)] };
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SystemReport WithDevices(SystemReport report)
    {
        using var scope = torch.NewDisposeScope();
        float sum = torch.nn.functional.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3)).sum().item<float>();
        return report with
        {
            Devices = [.. Enumerable.Range(0, torch.cuda.is_available() ? torch.cuda.device_count() : 0).Select(index => $"cuda:{index}").Prepend("cpu")],
            Threads = torch.get_num_threads(),
            Findings = sum == 324
                ? report.Findings
                : [.. report.Findings, new SystemFinding($"libtorch computes wrongly: a convolution whose sum is 324 gave {sum}.", "Install libtorch anew.", Needed: true)],
        };
    }

    private static SystemReport WithFindings(SystemReport report)
    {
        var findings = new List<SystemFinding>(report.Findings);
        if (report.MemoryAvailable < 2 * Gibibyte)
        {
            findings.Add(new SystemFinding(
                $"Only {report.MemoryAvailable / (double)Gibibyte:0.0} GiB of memory are available.",
                "Free some: the shipped model needs about 1 GiB, Stable Diffusion 1.5 about 8 GiB in fp32.",
                Needed: false));
        }

        if (report.Platform.EndsWith("x64", StringComparison.Ordinal) && !report.InstructionSets.Contains("AVX2"))
        {
            findings.Add(new SystemFinding("The processor has no AVX2 instructions: the kernels run several times slower.", "Use a newer processor, or a GPU.", Needed: false));
        }

        if (report.Ffmpeg is null)
        {
            findings.Add(new SystemFinding(
                "ffmpeg is not on the path: video files (.mp4, .mkv, .webm ...) can be neither read nor written.",
                "Install ffmpeg (Debian and Ubuntu: apt-get install ffmpeg); pictures, folders, animated WebP, GIF and PNG, and raw frames work without it.",
                Needed: false));
        }

        return report with { Findings = findings };
    }

    private static (string? Path, string? Version) FindFfmpeg()
    {
        string name = System.OperatingSystem.IsWindows() ? "ffmpeg.exe" : "ffmpeg";
        string? path = (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
        if (path is null)
        {
            return (null, null);
        }

        using Process process = Process.Start(new ProcessStartInfo(path, "-version") { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string[] words = (process.StandardOutput.ReadLine() ?? "").Split(' ');
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (path, words is ["ffmpeg", "version", { } version, ..] ? version : null);
    }
}
