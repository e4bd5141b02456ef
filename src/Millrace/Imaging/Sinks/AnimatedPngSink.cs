using System.Buffers.Binary;

namespace Millrace.Imaging.Sinks;

/// <summary>An animated PNG, without loss; with one frame, a plain PNG.</summary>
/// <remarks>PNG (Third Edition), W3C 2025, section 11.3.4.</remarks>
/// <param name="path">The file.</param>
/// <param name="options">Pace.</param>
public sealed class AnimatedPngSink(string path, FrameSinkOptions options) : FileSink(path, options)
{
    private byte[] _first = [];
    private long _controlPosition;
    private uint _sequence;

    /// <inheritdoc/>
    protected override void WriteFrame(Stream file, Frame frame, TimeSpan start, TimeSpan end)
    {
        byte[] still = SkiaFrames.EncodePng(frame);
        List<(string Type, ReadOnlyMemory<byte> Data)> chunks = [.. PngChunks.Read(still, "frame")];
        if (Count == 0)
        {
            _first = still;
            file.Write(PngChunks.Signature);
            PngChunks.Write(file, "IHDR", chunks.First(chunk => chunk.Type == "IHDR").Data.Span);
            _controlPosition = file.Position;
            PngChunks.Write(file, "acTL", new byte[8]); // the number of frames is known at the end
        }

        PngChunks.Write(file, "fcTL", Control(frame, start, end));
        foreach ((string _, ReadOnlyMemory<byte> data) in chunks.Where(chunk => chunk.Type == "IDAT"))
        {
            if (Count == 0)
            {
                PngChunks.Write(file, "IDAT", data.Span);
            }
            else
            {
                var numbered = new byte[4 + data.Length];
                BinaryPrimitives.WriteUInt32BigEndian(numbered, _sequence++);
                data.CopyTo(numbered.AsMemory(4));
                PngChunks.Write(file, "fdAT", numbered);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Finish(Stream file)
    {
        if (Count == 1)
        {
            file.SetLength(0);
            file.Write(_first);
            return;
        }

        PngChunks.Write(file, "IEND", []);
        var control = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(control, (uint)Count);
        file.Position = _controlPosition;
        PngChunks.Write(file, "acTL", control);
    }

    private byte[] Control(Frame frame, TimeSpan start, TimeSpan end)
    {
        long milliseconds = (long)Math.Round(end.TotalMilliseconds) - (long)Math.Round(start.TotalMilliseconds);
        var control = new byte[26];
        BinaryPrimitives.WriteUInt32BigEndian(control, _sequence++);
        BinaryPrimitives.WriteInt32BigEndian(control.AsSpan(4), frame.Width);
        BinaryPrimitives.WriteInt32BigEndian(control.AsSpan(8), frame.Height);
        BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(20), (ushort)Math.Clamp(milliseconds, 1, ushort.MaxValue));
        BinaryPrimitives.WriteUInt16BigEndian(control.AsSpan(22), 1000);
        return control;
    }
}
