using Millrace.Files;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    // A span holds at most 2 GiB: larger tensors are written in parts.
    private const long PartBytes = 1L << 30;

    /// <summary>
    /// Writes a file: first to a temporary name beside the target, then moved into place, so that the target is whole or untouched.
    /// The same tensors give the same bytes.
    /// </summary>
    /// <param name="path">The target; replaced where it exists.</param>
    /// <param name="tensors">Name to tensor, of any type that the format holds; order does not matter.</param>
    /// <param name="metadata">Free text.</param>
    /// <param name="precision">Type in which floating-point tensors are stored; null keeps their own.</param>
    /// <exception cref="ArgumentException">Where a tensor has a type that the format does not hold, or a name occurs twice or is reserved.</exception>
    /// <exception cref="IOException">Where the file cannot be written; the temporary file is gone then.</exception>
    public static void Write(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null, ScalarType? precision = null)
    {
        // Widest elements first, so that every tensor is aligned to its element.
        (string Name, Tensor Tensor, ScalarType Type)[] ordered =
            [.. tensors.Select(pair => (pair.Key, pair.Value, Type: pair.Value.is_floating_point() ? precision ?? pair.Value.dtype : pair.Value.dtype))
                .OrderByDescending(item => SafetensorsHeader.SizeOf(item.Type)).ThenBy(item => item.Key, StringComparer.Ordinal)];
        var entries = new List<SafetensorsEntry>(ordered.Length);
        var names = new HashSet<string>(StringComparer.Ordinal) { SafetensorsHeader.MetadataKey };
        long position = 0;
        foreach ((string name, Tensor tensor, ScalarType type) in ordered)
        {
            if (!names.Add(name))
            {
                throw new ArgumentException($"tensors must not hold the name '{name}', which {(name == SafetensorsHeader.MetadataKey ? "is reserved" : "occurs twice")}.", nameof(tensors));
            }

            long end = position + (tensor.numel() * SafetensorsHeader.SizeOf(type));
            entries.Add(new SafetensorsEntry(name, type, tensor.shape, position, end));
            position = end;
        }

        byte[] header = SafetensorsHeader.Write(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach ((string _, Tensor tensor, ScalarType type) in ordered)
            {
                Write(stream, tensor, type);
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
}
