using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements once they are read: that of the file, or float16 for the 8-bit floating-point types, which it holds exactly.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Start">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte, counted from the end of the header.</param>
/// <param name="Float8">Which of the 8-bit floating-point types the file has; null for another type.</param>
public sealed record SafetensorsEntry(string Name, ScalarType Type, IReadOnlyList<long> Shape, long Start, long End, Float8? Float8 = null)
    : TensorEntry(Name, Type, Shape)
{
    /// <inheritdoc/>
    public override string StoredType => Float8 is { } kind ? SafetensorsHeader.NameOf(kind) : base.StoredType;

    /// <inheritdoc/>
    public override long ByteCount => End - Start;
}
