using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using SkiaSharp;

namespace Millrace.Imaging.Sources;

/// <summary>The frames of an animated PNG, on white.</summary>
/// <remarks>
/// PNG (Third Edition), W3C 2025, section 11.3.4. Each frame is rebuilt as a PNG of its own, which Skia decodes, and put on the
/// canvas by its blend and dispose rules.
/// </remarks>
public sealed class AnimatedPngSource : IFrameSource
{
    private const byte Clear = 1; // values of dispose_op
    private const byte Restore = 2;

    private readonly string _path;
    private readonly byte[] _header;
    private readonly List<(string Type, ReadOnlyMemory<byte> Data)> _shared = []; // palette and colour chunks, which every frame needs
    private readonly List<Part> _parts = [];
    private readonly int _width;
    private readonly int _height;

    /// <summary>Reads and checks the structure of a file.</summary>
    /// <exception cref="InvalidDataException">Where it is not a valid animated PNG.</exception>
    public AnimatedPngSource(string path)
    {
        _path = path;
        _header = [];
        foreach ((string type, ReadOnlyMemory<byte> data) in PngChunks.Read(PictureLimits.ReadFile(path), path))
        {
            switch (type)
            {
                case "IHDR" when data.Length == 13:
                    _header = data.ToArray();
                    (_width, _height) = (Size(data, 0), Size(data, 4));
                    PictureLimits.Check(_width, _height, path);
                    break;
                case "PLTE" or "tRNS" or "sRGB" or "gAMA" or "cHRM" or "iCCP" or "sBIT":
                    _shared.Add((type, data));
                    break;
                case "fcTL" when data.Length == 26:
                    _parts.Add(new Part(Size(data, 4), Size(data, 8), Size(data, 12), Size(data, 16), Delay(data), data.Span[24], data.Span[25], []));
                    break;
                case "IDAT" when _parts.Count > 0: // before any fcTL it is a still picture that is no part of the animation
                    _parts[^1].Data.Add(data);
                    break;
                case "fdAT" when data.Length >= 4 && _parts.Count > 0:
                    _parts[^1].Data.Add(data[4..]);
                    break;
            }
        }

        if (_header.Length == 0 || _parts.Count == 0 || _parts.Any(part => part.Data.Count == 0 || part.Width < 1 || part.Height < 1
            || (long)part.X + part.Width > _width || (long)part.Y + part.Height > _height))
        {
            throw new InvalidDataException($"'{path}' is a damaged animated PNG: a frame lies outside the picture or has no data.");
        }
    }

    /// <summary>Whether a PNG file announces an animation, which it does before its first picture.</summary>
    public static bool IsAnimated(string path)
    {
        using FileStream file = File.OpenRead(path);
        file.Position = PngChunks.Signature.Length;
        var head = new byte[8];
        while (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && !head.AsSpan(4).SequenceEqual("IDAT"u8))
        {
            if (head.AsSpan(4).SequenceEqual("acTL"u8))
            {
                return true;
            }

            file.Position += BinaryPrimitives.ReadUInt32BigEndian(head) + 4L; // and a check sum
        }

        return false;
    }

    /// <inheritdoc/>
    public int? Count => _parts.Count;

    /// <inheritdoc/>
    public double? FramesPerSecond => _parts.Count / _parts.Sum(part => part.Duration.TotalSeconds);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var shown = new SKBitmap(new SKImageInfo(_width, _height, SKColorType.Rgba8888, SKAlphaType.Premul));
        using var opaque = new SKBitmap(new SKImageInfo(_width, _height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        shown.Erase(SKColors.Transparent);
        TimeSpan timestamp = TimeSpan.Zero;
        for (int id = 0; id < _parts.Count; id++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using SKBitmap? before = _parts[id].Dispose == Restore ? shown.Copy() : null;
            Show(_parts[id], shown);
            using (var canvas = new SKCanvas(opaque))
            {
                canvas.Clear(SKColors.White);
                canvas.DrawBitmap(shown, 0, 0);
            }

            yield return SkiaFrames.FromBitmap(opaque, id, timestamp);
            timestamp += _parts[id].Duration;
            Dispose(_parts[id], shown, before);
            await Task.Yield();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Show(Part part, SKBitmap shown)
    {
        using SKBitmap? picture = SkiaFrames.Decode(Picture(part), SKAlphaType.Premul);
        if (picture is null)
        {
            throw new InvalidDataException($"'{_path}': a frame of the animation is damaged.");
        }

        using var canvas = new SKCanvas(shown);
        using var paint = new SKPaint { BlendMode = part.Blend == 0 ? SKBlendMode.Src : SKBlendMode.SrcOver };
        canvas.DrawBitmap(picture, part.X, part.Y, paint);
    }

    private static void Dispose(Part part, SKBitmap shown, SKBitmap? before)
    {
        using var canvas = new SKCanvas(shown);
        using var replace = new SKPaint { BlendMode = SKBlendMode.Src };
        if (part.Dispose == Clear)
        {
            replace.Color = SKColors.Transparent;
            canvas.DrawRect(part.X, part.Y, part.Width, part.Height, replace);
        }
        else if (before is not null)
        {
            canvas.DrawBitmap(before, 0, 0, replace);
        }
    }

    // The frame as a PNG of its own: the header with its size, the shared chunks, its data.
    private byte[] Picture(Part part)
    {
        using var stream = new MemoryStream();
        stream.Write(PngChunks.Signature);
        byte[] header = [.. _header];
        BinaryPrimitives.WriteInt32BigEndian(header, part.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), part.Height);
        PngChunks.Write(stream, "IHDR", header);
        _shared.ForEach(chunk => PngChunks.Write(stream, chunk.Type, chunk.Data.Span));
        part.Data.ForEach(data => PngChunks.Write(stream, "IDAT", data.Span));
        PngChunks.Write(stream, "IEND", []);
        return stream.ToArray();
    }

    private static int Size(ReadOnlyMemory<byte> data, int offset) => (int)Math.Min(int.MaxValue, BinaryPrimitives.ReadUInt32BigEndian(data.Span[offset..]));

    private static TimeSpan Delay(ReadOnlyMemory<byte> control)
    {
        ushort numerator = BinaryPrimitives.ReadUInt16BigEndian(control.Span[20..]), denominator = BinaryPrimitives.ReadUInt16BigEndian(control.Span[22..]);
        return TimeSpan.FromSeconds(Math.Max(0.01, (double)numerator / (denominator == 0 ? 100 : denominator)));
    }

    private sealed record Part(int Width, int Height, int X, int Y, TimeSpan Duration, byte Dispose, byte Blend, List<ReadOnlyMemory<byte>> Data);
}
