using System.Globalization;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>Names and shapes of the tensors of one network.</summary>
/// <param name="path">Where they are, for messages.</param>
/// <param name="shapes">Name to shape.</param>
internal sealed class NameSet(string path, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
{
    // Longer numbers are no layers of anything.
    private const int MostDigits = 4;

    public NameSet(string path, IEnumerable<TensorEntry> entries)
        : this(path, entries.ToDictionary(entry => entry.Name, entry => entry.Shape))
    {
    }

    public IEnumerable<string> Names => shapes.Keys;

    public bool Has(string name) => shapes.ContainsKey(name);

    /// <summary>Whether there is any tensor whose name begins so.</summary>
    public bool HasAny(string prefix) => shapes.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The shape of a tensor.</summary>
    /// <exception cref="InvalidDataException">Where it is missing.</exception>
    public IReadOnlyList<long> Shape(string name) => shapes.TryGetValue(name, out IReadOnlyList<long>? shape) ? shape : throw new InvalidDataException($"'{path}': tensor '{name}' is missing.");

    /// <summary>A side of a tensor.</summary>
    /// <exception cref="InvalidDataException">Where the tensor is missing, or has no such side.</exception>
    public int Side(string name, int dimension)
    {
        IReadOnlyList<long> shape = Shape(name);
        return dimension < shape.Count && shape[dimension] is > 0 and <= int.MaxValue
            ? (int)shape[dimension]
            : throw new InvalidDataException($"'{path}': tensor '{name}' of shape [{string.Join(", ", shape)}] must have a side {dimension}.");
    }

    /// <summary>How many modules are numbered behind a prefix: the largest number and one.</summary>
    public int Count(string prefix)
    {
        int count = 0;
        foreach (string name in shapes.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            int end = name.IndexOf('.', prefix.Length);
            if (end > prefix.Length && end - prefix.Length <= MostDigits
                && int.TryParse(name.AsSpan(prefix.Length, end - prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                count = Math.Max(count, number + 1);
            }
        }

        return count;
    }
}
