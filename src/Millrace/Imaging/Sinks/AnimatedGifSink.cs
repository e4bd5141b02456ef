using System.Buffers.Binary;

namespace Millrace.Imaging.Sinks;

/// <summary>An animated GIF with a palette of its own for every frame.</summary>
/// <remarks>GIF89a specification (CompuServe 1990), with the looping extension NETSCAPE2.0.</remarks>
/// <param name="path">The file.</param>
/// <param name="options">Pace; the format counts in hundredths of a second.</param>
public sealed class AnimatedGifSink(string path, FrameSinkOptions options) : FileSink(path, options)
{
    /// <inheritdoc/>
    protected override void WriteFrame(Stream file, Frame frame, TimeSpan start, TimeSpan end)
    {
        if (Count == 0)
        {
            WriteHeader(file, frame);
        }

        var palette = new ColourPalette(frame.Rgb);
        long hundredths = (long)Math.Round(end.TotalSeconds * 100) - (long)Math.Round(start.TotalSeconds * 100);
        file.Write([0x21, 0xf9, 4, 0, .. Word((int)Math.Clamp(hundredths, 1, ushort.MaxValue)), 0, 0]);
        file.Write([0x2c, 0, 0, 0, 0, .. Word(frame.Width), .. Word(frame.Height), 0x87]); // a palette of 256 follows
        file.Write(palette.Colours);

        var indices = new byte[frame.Width * frame.Height];
        for (int pixel = 0; pixel < indices.Length; pixel++)
        {
            indices[pixel] = palette.IndexOf(frame.Rgb[3 * pixel], frame.Rgb[(3 * pixel) + 1], frame.Rgb[(3 * pixel) + 2]);
        }

        LzwEncoder.Write(file, indices);
    }

    /// <inheritdoc/>
    protected override void Finish(Stream file) => file.WriteByte(0x3b);

    private void WriteHeader(Stream file, Frame frame)
    {
        CheckLimit(frame, ushort.MaxValue, "GIF");
        file.Write("GIF89a"u8);
        file.Write([.. Word(frame.Width), .. Word(frame.Height), 0x70, 0, 0]);
        file.Write([0x21, 0xff, 11, .. "NETSCAPE2.0"u8, 3, 1, 0, 0, 0]); // endless
    }

    private static byte[] Word(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        return bytes;
    }
}
