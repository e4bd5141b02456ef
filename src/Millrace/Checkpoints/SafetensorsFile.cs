using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>
/// A safetensors file, memory-mapped: opening reads the header only, and a tensor's bytes are read when it is asked for.
/// A hostile header is refused before any data is touched.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly MemoryMappedFile? _map;
    private readonly long _dataStart;

    private SafetensorsFile(string path, Dictionary<string, SafetensorsEntry> entries, Dictionary<string, string> metadata, MemoryMappedFile? map, long dataStart)
    {
        Path = path;
        Metadata = metadata;
        (_entries, _map, _dataStart) = (entries, map, dataStart);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>The tensors, in the order of the header.</summary>
    public IReadOnlyCollection<SafetensorsEntry> Entries => _entries.Values;

    /// <summary>Free text that the writer left.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is not a valid safetensors file; the message says why.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream stream = File.OpenRead(path);
        try
        {
            (Dictionary<string, SafetensorsEntry> entries, Dictionary<string, string> metadata, long dataStart) = SafetensorsHeader.Read(stream, path);
            MemoryMappedFile? map = stream.Length > dataStart
                ? MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false)
                : null;
            if (map is null)
            {
                stream.Dispose();
            }

            return new SafetensorsFile(path, entries, metadata, map, dataStart);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of this name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>The entry of a tensor.</summary>
    /// <exception cref="KeyNotFoundException">Where there is none of this name.</exception>
    public SafetensorsEntry this[string name] => _entries.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw new KeyNotFoundException($"'{Path}' holds no tensor '{name}'.");

    /// <summary>Reads one tensor into memory of its own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Type to convert to; null keeps the file's.</param>
    /// <param name="device">Where to; null means the CPU.</param>
    /// <returns>The tensor; the caller's to dispose.</returns>
    /// <exception cref="KeyNotFoundException">Where there is none of this name.</exception>
    public Tensor Read(string name, ScalarType? type = null, Device? device = null)
    {
        SafetensorsEntry entry = this[name];
        Tensor tensor = empty([.. entry.Shape], dtype: type ?? entry.Type, device: device ?? CPU);
        try
        {
            CopyTo(name, tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Reads one tensor into memory that is there already, converted to its type and on its device.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="target">A tensor of the same shape; overwritten.</param>
    /// <exception cref="KeyNotFoundException">Where there is none of this name.</exception>
    /// <exception cref="ArgumentException">Where the shapes differ.</exception>
    public void CopyTo(string name, Tensor target)
    {
        SafetensorsEntry entry = this[name];
        if (!target.shape.SequenceEqual(entry.Shape))
        {
            throw new ArgumentException($"target must be [{string.Join(", ", entry.Shape)}], got [{string.Join(", ", target.shape)}].", nameof(target));
        }

        using IDisposable noGrad = no_grad();
        if (target.dtype == entry.Type && target.device_type == DeviceType.CPU && target.is_contiguous())
        {
            Fill(target, entry);
        }
        else
        {
            using Tensor raw = empty([.. entry.Shape], dtype: entry.Type);
            Fill(raw, entry);
            _ = target.copy_(raw);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _map?.Dispose();

    private unsafe void Fill(Tensor target, SafetensorsEntry entry)
    {
        if (entry.ByteCount == 0)
        {
            return;
        }

        using MemoryMappedViewAccessor view = _map!.CreateViewAccessor(_dataStart + entry.Start, entry.ByteCount, MemoryMappedFileAccess.Read);
        using Tensor flat = target.view(-1);
        using Tensor first = flat.narrow(0, 0, 1); // A span over the whole could not hold more than 2 GiB.
        byte* source = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref source);
        try
        {
            fixed (byte* destination = &MemoryMarshal.GetReference(first.bytes))
            {
                Buffer.MemoryCopy(source + view.PointerOffset, destination, entry.ByteCount, entry.ByteCount);
            }
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }
}
