using System.Buffers.Binary;
using System.Text;
using SkiaSharp;

namespace Millrace.Imaging.Sinks;

/// <summary>An animated WebP: every frame is encoded as a still picture and put into the container.</summary>
/// <remarks>WebP container specification (RFC 9649), section 2.7: RIFF, VP8X, ANIM, then one ANMF a frame.</remarks>
/// <param name="path">The file.</param>
/// <param name="options">Pace and quality; 100 is lossless.</param>
public sealed class AnimatedWebPSink(string path, FrameSinkOptions options) : FileSink(path, options)
{
    private const byte AnimationFlag = 0x02;
    private const byte ReplaceWithoutBlending = 0x02;
    private const int LargestSide = (1 << 14) - 1; // of the codec

    private const long LongestDuration = (1 << 24) - 1; // milliseconds

    private readonly int _quality = options.Quality;

    /// <inheritdoc/>
    protected override void WriteFrame(Stream file, Frame frame, TimeSpan start, TimeSpan end)
    {
        if (Count == 0)
        {
            WriteHeader(file, frame);
        }

        using SKBitmap bitmap = SkiaFrames.ToBitmap(frame);
        using SKPixmap pixels = bitmap.PeekPixels();
        var encoder = _quality == 100 ? new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, 75) : new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossy, _quality);
        using SKData still = pixels.Encode(encoder) ?? throw new InvalidOperationException($"Frame {frame.Id} cannot be encoded as WebP.");
        byte[] picture = PictureChunks(still.AsSpan());

        var head = new byte[16];
        Put24(head.AsSpan(6), frame.Width - 1);
        Put24(head.AsSpan(9), frame.Height - 1);
        long milliseconds = (long)Math.Round(end.TotalMilliseconds) - (long)Math.Round(start.TotalMilliseconds);
        Put24(head.AsSpan(12), (int)Math.Clamp(milliseconds, 1, LongestDuration));
        head[15] = ReplaceWithoutBlending;
        WriteChunk(file, "ANMF", [.. head, .. picture]);
    }

    /// <inheritdoc/>
    protected override void Finish(Stream file)
    {
        Span<byte> size = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(size, checked((uint)(file.Length - 8)));
        file.Position = 4;
        file.Write(size);
    }

    private void WriteHeader(Stream file, Frame frame)
    {
        CheckLimit(frame, LargestSide, "WebP");
        file.Write("RIFF\0\0\0\0WEBP"u8);
        var extended = new byte[10];
        extended[0] = AnimationFlag;
        Put24(extended.AsSpan(4), frame.Width - 1);
        Put24(extended.AsSpan(7), frame.Height - 1);
        WriteChunk(file, "VP8X", extended);
        WriteChunk(file, "ANIM", [255, 255, 255, 255, 0, 0]); // white ground, endless
    }

    // The chunks of a still WebP that hold the picture itself.
    private static byte[] PictureChunks(ReadOnlySpan<byte> still)
    {
        using var picture = new MemoryStream();
        for (int position = 12; position + 8 <= still.Length;)
        {
            int padded = (int)(BinaryPrimitives.ReadUInt32LittleEndian(still[(position + 4)..]) + 1) / 2 * 2;
            if (Encoding.Latin1.GetString(still.Slice(position, 4)) is "VP8 " or "VP8L" or "ALPH")
            {
                picture.Write(still.Slice(position, 8 + padded));
            }

            position += 8 + padded;
        }

        return picture.ToArray();
    }

    private static void WriteChunk(Stream file, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[8];
        Encoding.Latin1.GetBytes(type, head);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)data.Length);
        file.Write(head);
        file.Write(data);
        if (data.Length % 2 == 1)
        {
            file.WriteByte(0);
        }
    }

    private static void Put24(Span<byte> target, int value)
    {
        target[0] = (byte)value;
        target[1] = (byte)(value >> 8);
        target[2] = (byte)(value >> 16);
    }
}
