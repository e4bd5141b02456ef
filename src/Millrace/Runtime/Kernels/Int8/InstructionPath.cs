using System.Runtime.Intrinsics.X86;

namespace Millrace.Runtime.Kernels.Int8;

/// <summary>Which instructions multiply bytes. All paths give the same integers.</summary>
internal enum InstructionPath
{
    /// <summary>Plain C#: the last resort, slower than float32.</summary>
    Portable,

    /// <summary>VPMADDUBSW over 32 bytes.</summary>
    Avx2,

    /// <summary>VPMADDUBSW over 64 bytes.</summary>
    Avx512,

    /// <summary>VPDPBUSD over 32 bytes.</summary>
    AvxVnni,
}

internal static class InstructionPaths
{
    /// <summary>Those of this machine, the best last.</summary>
    public static IReadOnlyList<InstructionPath> Here { get; } = [.. Enum.GetValues<InstructionPath>().Where(IsSupported)];

    /// <summary>The best of this machine.</summary>
    public static InstructionPath Best { get; } = Here[^1];

    /// <summary>Rows that one call of the path's tile multiplies at a time: as many as its registers hold sums of.</summary>
    public static int TileRows(this InstructionPath path) => path switch
    {
        InstructionPath.Avx512 => WideMultiplyAddTile.Rows,
        InstructionPath.AvxVnni => DotProductTile.Rows,
        InstructionPath.Avx2 => MultiplyAddTile.Rows,
        _ => PortableTile.Rows,
    };

    /// <summary>The path in words, for a status line.</summary>
    public static string Words(this InstructionPath path) => path switch
    {
        InstructionPath.Avx512 => "AVX-512",
        InstructionPath.AvxVnni => "AVX-VNNI",
        InstructionPath.Avx2 => "AVX2",
        _ => "no byte instructions: slower than float32",
    };

    private static bool IsSupported(InstructionPath path) => path switch
    {
        InstructionPath.Avx2 => Avx2.IsSupported,
        InstructionPath.Avx512 => Avx512BW.IsSupported,
        InstructionPath.AvxVnni => AvxVnni.IsSupported,
        _ => true,
    };
}
