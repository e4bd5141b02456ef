using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>One tensor of a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements once they are read.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
public record TensorEntry(string Name, ScalarType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, side) => product * side);

    /// <summary>The type in the file, by its name in safetensors: <c>F32</c>, <c>BF16</c>, <c>F8_E4M3</c> ...</summary>
    public virtual string StoredType => SafetensorsHeader.NameOf(Type);

    /// <summary>Number of bytes in the file.</summary>
    public virtual long ByteCount => Count * SafetensorsHeader.SizeOf(Type);
}
