using Millrace.Files;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>Writes safetensors files: first to a temporary name beside the target, then moved into place, so that the target is whole or untouched. The same tensors give the same bytes.</summary>
public static class SafetensorsWriter
{
    // A span holds at most 2 GiB: larger tensors are written in parts.
    private const long PartBytes = 1L << 30;

    // What stands in memory of a tensor that is copied from one file to another.
    private const long CopiedBytes = 64 << 20;

    /// <summary>Writes tensors.</summary>
    /// <param name="path">The target; replaced where it exists.</param>
    /// <param name="tensors">Name to tensor, of any type that the format holds; order does not matter.</param>
    /// <param name="metadata">Free text.</param>
    /// <param name="precision">Type in which floating-point tensors are stored; null keeps their own.</param>
    /// <exception cref="ArgumentException">Where a tensor has a type that the format does not hold, or a name occurs twice or is reserved.</exception>
    /// <exception cref="IOException">Where the file cannot be written; the temporary file is gone then.</exception>
    public static void Write(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null, ScalarType? precision = null) =>
        Write(path, metadata, tensors.Select(pair =>
        {
            (string name, Tensor tensor) = pair;
            ScalarType type = TypeOf(tensor.dtype, precision);
            return new Item(name, type, tensor.shape, stream => Write(stream, tensor, type));
        }));

    /// <summary>Writes what other files hold, a part at a time.</summary>
    /// <param name="path">The target; replaced where it exists.</param>
    /// <param name="files">Where from; names must not occur twice.</param>
    /// <param name="metadata">Free text.</param>
    /// <param name="precision">Type in which floating-point tensors are stored; null keeps their own, or float16 for 8-bit ones.</param>
    /// <param name="written">Is told the bytes written so far.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left of it.</param>
    /// <exception cref="InvalidDataException">Where a weight is too large for the precision; names it.</exception>
    /// <exception cref="ArgumentException">Where a name occurs twice or is reserved.</exception>
    /// <exception cref="IOException">Where the file cannot be written; the temporary file is gone then.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static void Copy(
        string path, IEnumerable<TensorFile> files, IReadOnlyDictionary<string, string>? metadata = null, ScalarType? precision = null,
        IProgress<long>? written = null, CancellationToken cancellationToken = default)
    {
        long done = 0;
        void Report(long bytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            written?.Report(done += bytes);
        }

        Write(path, metadata, files.SelectMany(file => file.Entries, (file, entry) =>
        {
            ScalarType type = TypeOf(entry.Type, precision);
            return new Item(entry.Name, type, entry.Shape, stream => Copy(stream, file, entry, type, Report));
        }));
    }

    private static ScalarType TypeOf(ScalarType own, ScalarType? precision) =>
        own is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16 ? precision ?? own : own;

    private static void Write(string path, IReadOnlyDictionary<string, string>? metadata, IEnumerable<Item> items)
    {
        // Widest elements first, so that every tensor is aligned to its element.
        Item[] ordered = [.. items.OrderByDescending(item => SafetensorsHeader.SizeOf(item.Type)).ThenBy(item => item.Name, StringComparer.Ordinal)];
        var entries = new List<SafetensorsEntry>(ordered.Length);
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        long position = 0;
        foreach (Item item in ordered)
        {
            if (!names.Add(item.Name))
            {
                throw new ArgumentException($"tensors must not hold the name '{item.Name}', which {(item.Name == SafetensorsHeader.MetadataKey ? "is reserved" : "occurs twice")}.", nameof(items));
            }

            var entry = new SafetensorsEntry(item.Name, item.Type, item.Shape, position, position + (SafetensorsHeader.SizeOf(item.Type) * item.Shape.Aggregate(1L, (product, side) => product * side)));
            entries.Add(entry);
            position = entry.End;
        }

        byte[] header = SafetensorsHeader.Write(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (Item item in ordered)
            {
                item.Write(stream);
            }
        });
    }

    private static void Write(Stream stream, Tensor tensor, ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor flat = tensor.detach().to(type, CPU).contiguous().view(-1);
        long step = PartBytes / SafetensorsHeader.SizeOf(type);
        for (long start = 0; start < flat.numel(); start += step)
        {
            stream.Write(flat.narrow(0, start, Math.Min(step, flat.numel() - start)).bytes);
        }
    }

    private static void Copy(Stream stream, TensorFile file, TensorEntry entry, ScalarType type, Action<long> report)
    {
        using var scope = NewDisposeScope();
        long step = CopiedBytes / SafetensorsHeader.SizeOf(type);
        Tensor buffer = empty([Math.Min(step, entry.Count)], dtype: entry.Type);
        for (long start = 0; start < entry.Count; start += step)
        {
            using var part = NewDisposeScope();
            Tensor read = buffer.narrow(0, 0, Math.Min(step, entry.Count - start));
            file.CopyElements(entry, start, read);
            Tensor converted = read.to(type);
            if (type == ScalarType.Float16 && entry.Type != type)
            {
                CheckRange(read, converted, entry, file);
            }

            stream.Write(converted.bytes);
            report(converted.bytes.Length);
        }
    }

    private static void CheckRange(Tensor read, Tensor converted, TensorEntry entry, TensorFile file)
    {
        if (converted.isinf().any().item<bool>() && !read.isinf().any().item<bool>())
        {
            throw new InvalidDataException($"'{file.Path}': tensor '{entry.Name}' holds values beyond 65504, the largest of float16: choose bf16 or fp32.");
        }
    }

    private sealed record Item(string Name, ScalarType Type, IReadOnlyList<long> Shape, Action<Stream> Write);
}
