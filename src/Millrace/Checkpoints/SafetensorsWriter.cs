using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    /// <summary>
    /// Writes a file: first to a temporary name beside the target, then moved into place, so that the target is whole or untouched.
    /// The same tensors give the same bytes.
    /// </summary>
    /// <param name="path">The target; replaced where it exists.</param>
    /// <param name="tensors">Name to tensor, of any type that the format holds; order does not matter.</param>
    /// <param name="metadata">Free text.</param>
    /// <exception cref="ArgumentException">Where a tensor has a type that the format does not hold.</exception>
    /// <exception cref="IOException">Where the file cannot be written; the temporary file is gone then.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // Widest elements first, so that every tensor is aligned to its element.
        KeyValuePair<string, Tensor>[] ordered =
            [.. tensors.OrderByDescending(pair => SafetensorsHeader.SizeOf(pair.Value.dtype)).ThenBy(pair => pair.Key, StringComparer.Ordinal)];
        var entries = new List<SafetensorsEntry>(ordered.Length);
        long position = 0;
        foreach ((string name, Tensor tensor) in ordered)
        {
            long end = position + (tensor.numel() * SafetensorsHeader.SizeOf(tensor.dtype));
            entries.Add(new SafetensorsEntry(name, tensor.dtype, tensor.shape, position, end));
            position = end;
        }

        byte[] header = SafetensorsHeader.Write(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach ((string _, Tensor tensor) in ordered)
            {
                using Tensor source = tensor.detach().cpu().contiguous();
                if (source.numel() > 0)
                {
                    stream.Write(source.bytes);
                }
            }
        });
    }
}
