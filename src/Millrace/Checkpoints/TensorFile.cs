using Millrace.Checkpoints.Pickles;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>A file of named tensors, or a view of several as if they were one. Opening reads names and shapes; values are read when they are asked for.</summary>
public abstract class TensorFile : IDisposable
{
    // Elements converted at once: what stands in memory beside the target.
    private const long Chunk = 4 << 20;

    /// <summary>Where the file is.</summary>
    public abstract string Path { get; }

    /// <summary>The tensors, in the order of the file.</summary>
    public abstract IReadOnlyCollection<TensorEntry> Entries { get; }

    /// <summary>What else the writer left: free text.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The entry of a tensor.</summary>
    /// <exception cref="KeyNotFoundException">Where there is none of this name.</exception>
    public TensorEntry this[string name] => Find(name) ?? throw new KeyNotFoundException($"'{Path}' holds no tensor '{name}'.");

    /// <summary>Opens a file of whatever form: safetensors, or what <c>torch.save</c> writes. Its first bytes tell which, not its name.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where it is none of these, or not a valid one; the message says why.</exception>
    public static TensorFile Open(string path) => PickleFile.IsOne(path) ? PickleFile.Open(path) : SafetensorsFile.Open(path);

    /// <summary>Whether there is a tensor of this name.</summary>
    public bool Contains(string name) => Find(name) is not null;

    /// <summary>Reads one tensor into memory of its own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Type to convert to; null keeps the file's.</param>
    /// <param name="device">Where to; null means the CPU.</param>
    /// <returns>The tensor; the caller's to dispose.</returns>
    /// <exception cref="KeyNotFoundException">Where there is none of this name.</exception>
    public Tensor Read(string name, ScalarType? type = null, Device? device = null)
    {
        TensorEntry entry = this[name];
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
        TensorEntry entry = this[name];
        if (!target.shape.SequenceEqual(entry.Shape))
        {
            throw new ArgumentException($"target must be [{string.Join(", ", entry.Shape)}], got [{string.Join(", ", target.shape)}].", nameof(target));
        }

        using IDisposable noGrad = no_grad();
        if (target.is_contiguous())
        {
            using Tensor flat = target.view(-1);
            CopyElements(entry, 0, flat);
        }
        else
        {
            using Tensor dense = empty([target.numel()], dtype: target.dtype);
            CopyElements(entry, 0, dense);
            using Tensor shaped = dense.view(target.shape);
            _ = target.copy_(shaped);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads elements of a tensor, row by row, converted a part at a time.</summary>
    /// <param name="entry">One of this file.</param>
    /// <param name="first">The first element.</param>
    /// <param name="flat">As many as are wanted, [n], contiguous; overwritten.</param>
    internal virtual void CopyElements(TensorEntry entry, long first, Tensor flat)
    {
        if (flat.dtype == entry.Type && flat.device_type == DeviceType.CPU)
        {
            Fill(entry, first, flat);
            return;
        }

        long count = flat.numel();
        using Tensor raw = empty([Math.Min(Chunk, count)], dtype: entry.Type);
        for (long done = 0; done < count; done += Chunk)
        {
            long size = Math.Min(Chunk, count - done);
            using Tensor part = raw.narrow(0, 0, size);
            Fill(entry, first + done, part);
            using Tensor target = flat.narrow(0, done, size);
            _ = target.copy_(part);
        }
    }

    /// <summary>The entry of a tensor; null where there is none.</summary>
    private protected abstract TensorEntry? Find(string name);

    /// <summary>Reads elements of a tensor, row by row, from one on.</summary>
    /// <param name="entry">One of this file.</param>
    /// <param name="first">The first element.</param>
    /// <param name="flat">As many as are wanted, [n], of the entry's type, contiguous, on the CPU; overwritten.</param>
    private protected abstract void Fill(TensorEntry entry, long first, Tensor flat);

    /// <summary>Releases the file.</summary>
    private protected abstract void Release();

    private void Dispose(bool disposing)
    {
        if (disposing)
        {
            Release();
        }
    }
}
