using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>A file mapped into memory: bytes are read where they are asked for, and not kept.</summary>
internal sealed class MappedBytes : IDisposable
{
    // Mapped at once; what was read is given back before the next window.
    private const long Window = 16 << 20;

    private readonly MemoryMappedFile? _map;

    /// <param name="stream">The file; owned.</param>
    public MappedBytes(FileStream stream)
    {
        Length = stream.Length;
        if (Length == 0)
        {
            stream.Dispose();
            return;
        }

        _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
    }

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>Reads bytes from a position on; the whole range must lie within the file.</summary>
    public unsafe void CopyTo(long position, Span<byte> target)
    {
        fixed (byte* destination = target)
        {
            Copy(position, destination, target.Length);
        }
    }

    /// <summary>Reads all bytes of a tensor, which is contiguous and on the CPU, from a position on.</summary>
    public unsafe void CopyTo(long position, Tensor target)
    {
        long count = target.numel() * target.ElementSize;
        if (count == 0)
        {
            return;
        }

        using Tensor flat = target.view(-1);
        using Tensor first = flat.narrow(0, 0, 1); // A span over the whole could not hold more than 2 GiB.
        fixed (byte* destination = &MemoryMarshal.GetReference(first.bytes))
        {
            Copy(position, destination, count);
        }
    }

    public void Dispose() => _map?.Dispose();

    private unsafe void Copy(long position, byte* destination, long count)
    {
        for (long done = 0; done < count; done += Window)
        {
            long size = Math.Min(Window, count - done);
            using MemoryMappedViewAccessor view = _map!.CreateViewAccessor(position + done, size, MemoryMappedFileAccess.Read);
            byte* source = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref source);
            try
            {
                Buffer.MemoryCopy(source + view.PointerOffset, destination + done, size, size);
            }
            finally
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            }
        }
    }
}
