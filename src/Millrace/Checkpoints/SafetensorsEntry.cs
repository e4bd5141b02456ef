using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Start">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte, counted from the end of the header.</param>
public sealed record SafetensorsEntry(string Name, ScalarType Type, IReadOnlyList<long> Shape, long Start, long End)
{
    /// <summary>Number of bytes.</summary>
    public long ByteCount => End - Start;
}
