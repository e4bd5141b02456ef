using static TorchSharp.torch;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A run of elements of a tensor of another file.</summary>
/// <param name="File">The file.</param>
/// <param name="Source">The tensor.</param>
/// <param name="First">The first element.</param>
/// <param name="Count">How many.</param>
internal sealed record Segment(TensorFile File, TensorEntry Source, long First, long Count);

/// <summary>A tensor that is put together of runs of others.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Segments">What stands where, row by row.</param>
/// <param name="Transposed">Whether the one segment, a matrix, is transposed.</param>
internal sealed record MappedEntry(string Name, ScalarType Type, IReadOnlyList<long> Shape, IReadOnlyList<Segment> Segments, bool Transposed = false)
    : TensorEntry(Name, Type, Shape)
{
    public override string StoredType => Segments.Count > 0 ? Segments[0].Source.StoredType : base.StoredType;

    public override long ByteCount => Segments.Count > 0 ? Segments.Sum(segment => segment.Source.ByteCount / Math.Max(segment.Source.Count, 1) * segment.Count) : base.ByteCount;
}

/// <summary>Tensors of other files under other names; nothing is copied until it is read. The files stay their owner's.</summary>
internal sealed class MappedFile(string path, IEnumerable<MappedEntry> entries) : TensorFile
{
    private readonly Dictionary<string, MappedEntry> _entries = ByName(path, entries);

    public override string Path => path;

    public override IReadOnlyCollection<MappedEntry> Entries => _entries.Values;

    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    private protected override TensorEntry? Find(string name) => _entries.GetValueOrDefault(name);

    private protected override void Release()
    {
    }

    private protected override void Fill(TensorEntry entry, long first, Tensor flat)
    {
        var mapped = (MappedEntry)entry;
        if (mapped.Transposed)
        {
            FillTransposed(mapped, first, flat);
            return;
        }

        long start = 0, end = first + flat.numel();
        foreach (Segment segment in mapped.Segments)
        {
            long from = Math.Max(first, start), to = Math.Min(end, start + segment.Count);
            if (to > from)
            {
                using Tensor part = flat.narrow(0, from - first, to - from);
                segment.File.CopyElements(segment.Source, segment.First + from - start, part);
            }

            start += segment.Count;
        }
    }

    private static Dictionary<string, MappedEntry> ByName(string path, IEnumerable<MappedEntry> entries)
    {
        var named = new Dictionary<string, MappedEntry>(StringComparer.Ordinal);
        foreach (MappedEntry entry in entries)
        {
            if (!named.TryAdd(entry.Name, entry))
            {
                throw new InvalidDataException($"'{path}': tensor '{entry.Name}' is there twice, under two names.");
            }
        }

        return named;
    }

    private static void FillTransposed(MappedEntry entry, long first, Tensor flat)
    {
        using var scope = NewDisposeScope();
        Segment segment = entry.Segments[0];
        Tensor whole = segment.File.Read(segment.Source.Name, entry.Type);
        _ = flat.copy_(whole.t().reshape(-1).narrow(0, first, flat.numel()));
    }
}
