using static TorchSharp.torch;

namespace Millrace.Checkpoints.Pickles;

/// <summary>
/// The whole of what a pickle may name: tensors, their storages, ordered dictionaries. Nothing here runs code of the file; a
/// global that is not in the table ends the reading.
/// </summary>
internal sealed class PickleGlobals(ZipMembers members, string folder, string path)
{
    private const int MaximumDimensions = 64;

    private static readonly Dictionary<string, PickleGlobal> Known = new Dictionary<string, PickleGlobal>(StringComparer.Ordinal)
    {
        ["collections.OrderedDict"] = new(PickleGlobalKind.OrderedDictionary),
        ["torch._utils._rebuild_tensor_v2"] = new(PickleGlobalKind.Tensor),
        ["torch._utils._rebuild_parameter"] = new(PickleGlobalKind.Parameter),
    }.Concat(Storages()).ToDictionary();

    /// <exception cref="InvalidDataException">Where a pickle may not name it.</exception>
    public PickleGlobal Find(string module, string name) => Known.TryGetValue($"{module}.{name}", out PickleGlobal? known)
        ? known
        : throw new InvalidDataException($"'{path}' asks for '{module}.{name}', which is neither a tensor nor a plain value: the file was not read, and nothing of it was run.");

    /// <summary>The storage that a persistent id names: ("storage", type, key, location, number of elements).</summary>
    /// <exception cref="InvalidDataException">Where it is none.</exception>
    public PickleStorage Storage(object? id)
    {
        if (id is not object?[] { Length: 5 } parts || parts[0] is not "storage" || parts[1] is not PickleGlobal { Type: { } type } || parts[2] is not string key || parts[4] is not long count)
        {
            throw Invalid("a persistent id is not (\"storage\", type, key, location, number of elements)");
        }

        (long start, long size) = members.Locate($"{folder}data/{key}");
        return count >= 0 && (UInt128)count * (UInt128)SafetensorsHeader.SizeOf(type) <= (UInt128)size
            ? new PickleStorage(type, start, count)
            : throw Invalid($"storage '{key}' claims {count} elements of {type}, but has {size} bytes");
    }

    /// <summary>What a call makes.</summary>
    /// <exception cref="InvalidDataException">Where it is not called as it should be.</exception>
    public object Call(object? function, object?[] arguments) => function switch
    {
        PickleGlobal { Kind: PickleGlobalKind.OrderedDictionary } => OrderedDictionary(arguments),
        PickleGlobal { Kind: PickleGlobalKind.Tensor } => Tensor(arguments),
        PickleGlobal { Kind: PickleGlobalKind.Parameter } => arguments.Length >= 1 && arguments[0] is PickleTensor tensor ? tensor : throw Invalid("a parameter is made of something other than a tensor"),
        _ => throw Invalid("something is called that is no function"),
    };

    private PickleDictionary OrderedDictionary(object?[] arguments)
    {
        var made = new PickleDictionary();
        if (arguments.Length == 0)
        {
            return made;
        }

        // Python 2 gives all items as a list of pairs.
        foreach (object? item in arguments is [List<object?> items] ? items : throw Invalid("an ordered dictionary is made of something other than items"))
        {
            (object? key, object? value) = item switch
            {
                List<object?> { Count: 2 } pair => (pair[0], pair[1]),
                object?[] { Length: 2 } pair => (pair[0], pair[1]),
                _ => throw Invalid("an ordered dictionary is made of something other than items"),
            };
            made.Items.Add(new(key, value));
        }

        return made;
    }

    // (storage, first element, shape, strides, requires_grad, hooks)
    private PickleTensor Tensor(object?[] arguments)
    {
        if (arguments.Length < 4 || arguments[0] is not PickleStorage storage || arguments[1] is not long first || first < 0
            || Numbers(arguments[2]) is not { } shape || Numbers(arguments[3]) is not { } strides
            || shape.Length != strides.Length || shape.Length > MaximumDimensions)
        {
            throw Invalid($"a tensor is not made of a storage, a first element, a shape and strides of at most {MaximumDimensions} dimensions");
        }

        // A tensor of more elements than its storage would be a small file that fills the memory.
        UInt128 count = 1, last = (UInt128)first;
        for (int dimension = 0; dimension < shape.Length; dimension++)
        {
            count *= (UInt128)Math.Max(shape[dimension], 1);
            last += (UInt128)Math.Max(shape[dimension] - 1, 0) * (UInt128)strides[dimension];
            if (count > (UInt128)storage.Count && count > 1 || last > long.MaxValue)
            {
                break;
            }
        }

        bool empty = shape.Contains(0);
        bool fits = count <= (UInt128)Math.Max(storage.Count, 1) && last < (UInt128)storage.Count;
        return empty && count <= int.MaxValue || fits
            ? new PickleTensor(storage, first, shape, strides)
            : throw Invalid($"a tensor of shape [{string.Join(", ", shape)}] is not within its storage of {storage.Count} elements");
    }

    private static long[]? Numbers(object? value) =>
        value is object?[] items && items.All(item => item is long and >= 0) ? [.. items.Select(item => (long)item!)] : null;

    private static IEnumerable<KeyValuePair<string, PickleGlobal>> Storages() => new Dictionary<string, ScalarType>
    {
        ["Double"] = ScalarType.Float64,
        ["Float"] = ScalarType.Float32,
        ["Half"] = ScalarType.Float16,
        ["BFloat16"] = ScalarType.BFloat16,
        ["Long"] = ScalarType.Int64,
        ["Int"] = ScalarType.Int32,
        ["Short"] = ScalarType.Int16,
        ["Char"] = ScalarType.Int8,
        ["Byte"] = ScalarType.Byte,
        ["Bool"] = ScalarType.Bool,
    }.Select(type => KeyValuePair.Create($"torch.{type.Key}Storage", new PickleGlobal(PickleGlobalKind.Storage, type.Value)));

    private InvalidDataException Invalid(string reason) => new($"'{path}' is not a valid archive of torch.save: {reason}.");
}
