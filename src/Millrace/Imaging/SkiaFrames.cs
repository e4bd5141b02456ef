using SkiaSharp;

namespace Millrace.Imaging;

/// <summary>Frames to Skia's bitmaps and back.</summary>
internal static class SkiaFrames
{
    /// <summary>An opaque RGBA bitmap; the caller's to dispose.</summary>
    public static SKBitmap ToBitmap(Frame frame)
    {
        var bitmap = new SKBitmap(new SKImageInfo(frame.Width, frame.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Span<byte> rgba = bitmap.GetPixelSpan();
        ReadOnlySpan<byte> rgb = frame.Rgb;
        for (int source = 0, target = 0; source < rgb.Length; source += 3, target += 4)
        {
            rgba[target] = rgb[source];
            rgba[target + 1] = rgb[source + 1];
            rgba[target + 2] = rgb[source + 2];
            rgba[target + 3] = 255;
        }

        return bitmap;
    }

    /// <summary>A frame of an RGBA bitmap; alpha is left out.</summary>
    public static Frame FromBitmap(SKBitmap bitmap, long id, TimeSpan timestamp)
    {
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        var rgb = new byte[3 * bitmap.Width * bitmap.Height];
        for (int source = 0, target = 0; target < rgb.Length; source += 4, target += 3)
        {
            rgb[target] = rgba[source];
            rgb[target + 1] = rgba[source + 1];
            rgb[target + 2] = rgba[source + 2];
        }

        return new Frame(id, timestamp, bitmap.Width, bitmap.Height, rgb);
    }

    /// <summary>The frame as a PNG, without loss.</summary>
    public static byte[] EncodePng(Frame frame)
    {
        using SKBitmap bitmap = ToBitmap(frame);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>A frame of an opaque PNG; null where the bytes are no whole picture.</summary>
    public static Frame? DecodePng(byte[] png, long id, TimeSpan timestamp)
    {
        using SKBitmap? bitmap = Decode(png, SKAlphaType.Opaque);
        return bitmap is null ? null : FromBitmap(bitmap, id, timestamp);
    }

    /// <summary>An RGBA bitmap of a PNG, the caller's to dispose; null where the bytes are no whole picture.</summary>
    public static SKBitmap? Decode(byte[] png, SKAlphaType alpha)
    {
        using SKData data = SKData.CreateCopy(png);
        using SKCodec? codec = SKCodec.Create(data);
        if (codec is null)
        {
            return null;
        }

        var bitmap = new SKBitmap(codec.Info.WithColorType(SKColorType.Rgba8888).WithAlphaType(alpha));
        if (codec.GetPixels(bitmap.Info, bitmap.GetPixels()) == SKCodecResult.Success)
        {
            return bitmap;
        }

        bitmap.Dispose();
        return null;
    }
}
