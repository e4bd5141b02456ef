using static TorchSharp.torch;

namespace Millrace.Checkpoints.Pickles;

/// <summary>A dictionary of a pickle; later items of the same key replace earlier ones.</summary>
internal sealed class PickleDictionary
{
    /// <summary>The items in the order in which they were put in.</summary>
    public List<KeyValuePair<object?, object?>> Items { get; } = [];

    /// <summary>Those whose key is a text.</summary>
    public Dictionary<string, object?> ByName()
    {
        var named = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach ((object? key, object? value) in Items)
        {
            if (key is string name)
            {
                named[name] = value;
            }
        }

        return named;
    }
}

/// <summary>One of the few functions and types that a pickle may name.</summary>
/// <param name="Kind">What it makes.</param>
/// <param name="Type">Of a storage: the type of its elements.</param>
internal sealed record PickleGlobal(PickleGlobalKind Kind, ScalarType? Type = null);

/// <summary>What a global makes.</summary>
internal enum PickleGlobalKind
{
    OrderedDictionary,
    Tensor,
    Parameter,
    Storage,
}

/// <summary>The memory of tensors: one member of the archive.</summary>
/// <param name="Type">Type of its elements.</param>
/// <param name="Start">First byte in the file.</param>
/// <param name="Count">Number of elements.</param>
internal sealed record PickleStorage(ScalarType Type, long Start, long Count);

/// <summary>A tensor: a part of a storage.</summary>
/// <param name="Storage">Its memory.</param>
/// <param name="First">Its first element.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Strides">Elements from one index to the next, of each dimension.</param>
internal sealed record PickleTensor(PickleStorage Storage, long First, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides)
{
    /// <summary>Whether the elements stand row by row.</summary>
    public bool IsContiguous
    {
        get
        {
            long step = 1;
            for (int dimension = Shape.Count - 1; dimension >= 0; dimension--)
            {
                if (Shape[dimension] != 1 && Strides[dimension] != step)
                {
                    return false;
                }

                step *= Shape[dimension];
            }

            return true;
        }
    }
}
