namespace Millrace.Checkpoints.SingleFiles;

/// <summary>Applies a name map to the tensors of one network.</summary>
internal static class NameMapping
{
    /// <summary>The tensors of a folder out of those of a single file.</summary>
    /// <param name="map">The names.</param>
    /// <param name="file">The single file.</param>
    /// <param name="prefix">What stands before every name of this network.</param>
    /// <param name="rest">Takes the tensors that the map does not know.</param>
    /// <exception cref="InvalidDataException">Where a tensor cannot be cut as the map says.</exception>
    public static IEnumerable<MappedEntry> ToFolder(NameMap map, TensorFile file, string prefix, ICollection<TensorEntry> rest)
    {
        foreach (TensorEntry entry in file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
        {
            if (map.OfSingle(entry.Name[prefix.Length..]) is not var (rule, end))
            {
                rest.Add(entry);
                continue;
            }

            int shares = rule.Shares.Sum();
            if (rule.Folder.Count > 1 && (entry.Shape.Count == 0 || entry.Shape[0] % shares != 0))
            {
                throw Misshapen(file, entry, $"must have a number of rows divisible by {shares}");
            }

            long first = 0;
            foreach ((string name, int share) in rule.Folder.Zip(rule.Shares))
            {
                long count = entry.Count / shares * share;
                IReadOnlyList<long> shape = rule.Folder.Count == 1 ? entry.Shape : [entry.Shape[0] / shares * share, .. entry.Shape.Skip(1)];
                yield return Rearranged(name + end, entry, shape, new Segment(file, entry, first, count), rule.Change, toFolder: true);
                first += count;
            }
        }
    }

    /// <summary>The tensors of a single file out of those of a folder.</summary>
    /// <param name="map">The names.</param>
    /// <param name="tensors">The tensors of the folder, by their names there.</param>
    /// <param name="prefix">What to put before every name.</param>
    /// <exception cref="InvalidDataException">Where a tensor has no name in a single file, or one lacks a part.</exception>
    public static IEnumerable<MappedEntry> ToSingle(NameMap map, IReadOnlyDictionary<string, (TensorFile File, TensorEntry Entry)> tensors, string prefix)
    {
        foreach ((string name, (TensorFile file, TensorEntry entry)) in tensors)
        {
            if (map.OfFolder(name) is not var (rule, end))
            {
                throw new InvalidDataException($"'{file.Path}': tensor '{name}' has no name in a single file.");
            }

            string single = prefix + rule.Single + end;
            if (rule.Folder.Count == 1)
            {
                yield return Rearranged(single, entry, entry.Shape, new Segment(file, entry, 0, entry.Count), rule.Change, toFolder: false);
            }
            else if (name == rule.Folder[0] + end)
            {
                yield return Joined(single, [.. rule.Folder.Select(part => Part(tensors, part + end, file))]);
            }
        }
    }

    private static (TensorFile File, TensorEntry Entry) Part(IReadOnlyDictionary<string, (TensorFile File, TensorEntry Entry)> tensors, string name, TensorFile file) =>
        tensors.TryGetValue(name, out var part) ? part : throw new InvalidDataException($"'{file.Path}': tensor '{name}' is missing.");

    private static MappedEntry Joined(string name, IReadOnlyList<(TensorFile File, TensorEntry Entry)> parts)
    {
        TensorEntry first = parts[0].Entry;
        if (parts.FirstOrDefault(part => part.Entry.Shape.Count == 0 || !part.Entry.Shape.Skip(1).SequenceEqual(first.Shape.Skip(1))) is { Entry: { } other } wrong)
        {
            throw Misshapen(wrong.File, other, $"must have rows like '{first.Name}'");
        }

        return new MappedEntry(
            name, first.Type, [parts.Sum(part => part.Entry.Shape[0]), .. first.Shape.Skip(1)], [.. parts.Select(part => new Segment(part.File, part.Entry, 0, part.Entry.Count))]);
    }

    private static MappedEntry Rearranged(string name, TensorEntry entry, IReadOnlyList<long> shape, Segment segment, Rearrangement change, bool toFolder) => change switch
    {
        Rearrangement.Transposed when shape.Count == 2 => new MappedEntry(name, entry.Type, [shape[1], shape[0]], [segment], Transposed: true),
        Rearrangement.PointConvolution when toFolder && shape is [_, _, 1, 1] => new MappedEntry(name, entry.Type, [shape[0], shape[1]], [segment]),
        Rearrangement.PointConvolution when !toFolder && shape.Count == 2 => new MappedEntry(name, entry.Type, [.. shape, 1, 1], [segment]),
        Rearrangement.SwappedHalves when shape.Count > 0 && shape[0] % 2 == 0 => new MappedEntry(name, entry.Type, shape, Swapped(segment)),
        Rearrangement.SwappedHalves => throw Misshapen(segment.File, entry, "must have an even number of rows"),
        _ => new MappedEntry(name, entry.Type, shape, [segment]),
    };

    private static Segment[] Swapped(Segment whole)
    {
        long half = whole.Count / 2;
        return [whole with { First = half, Count = half }, whole with { Count = half }];
    }

    private static InvalidDataException Misshapen(TensorFile file, TensorEntry entry, string must) =>
        new($"'{file.Path}': tensor '{entry.Name}' of shape [{string.Join(", ", entry.Shape)}] {must}.");
}
