using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped: opening reads the header only, and a tensor's bytes are read when it is asked for.
/// A hostile header is refused before any data is touched.
/// </summary>
public sealed class SafetensorsFile : TensorFile
{
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly MappedBytes _bytes;
    private readonly long _dataStart;

    private SafetensorsFile(string path, Dictionary<string, SafetensorsEntry> entries, Dictionary<string, string> metadata, MappedBytes bytes, long dataStart)
    {
        Path = path;
        Metadata = metadata;
        (_entries, _bytes, _dataStart) = (entries, bytes, dataStart);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<SafetensorsEntry> Entries => _entries.Values;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is not a valid safetensors file; the message says why.</exception>
    public static new SafetensorsFile Open(string path)
    {
        FileStream stream = File.OpenRead(path);
        try
        {
            (Dictionary<string, SafetensorsEntry> entries, Dictionary<string, string> metadata, long dataStart) = SafetensorsHeader.Read(stream, path);
            return new SafetensorsFile(path, entries, metadata, new MappedBytes(stream), dataStart);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private protected override TensorEntry? Find(string name) => _entries.GetValueOrDefault(name);

    private protected override void Release() => _bytes.Dispose();

    private protected override void Fill(TensorEntry entry, long first, Tensor flat)
    {
        var stored = (SafetensorsEntry)entry;
        long start = _dataStart + stored.Start;
        if (stored.Float8 is { } kind)
        {
            FillWider(start + first, kind, flat);
        }
        else
        {
            _bytes.CopyTo(start + (first * SafetensorsHeader.SizeOf(entry.Type)), flat);
        }
    }

    private void FillWider(long position, Float8 kind, Tensor flat)
    {
        const int Step = 1 << 20;
        long count = flat.numel();
        var stored = new byte[Math.Min(Step, count)];
        ReadOnlySpan<Half> values = Float8Values.Of(kind);
        for (long done = 0; done < count; done += Step)
        {
            int size = (int)Math.Min(Step, count - done);
            _bytes.CopyTo(position + done, stored.AsSpan(0, size));
            using Tensor part = flat.narrow(0, done, size);
            Span<Half> wide = MemoryMarshal.Cast<byte, Half>(part.bytes);
            for (int index = 0; index < size; index++)
            {
                wide[index] = values[stored[index]];
            }
        }
    }
}
