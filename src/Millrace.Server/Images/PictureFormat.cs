using Millrace.Imaging;
using SkiaSharp;

namespace Millrace.Server.Images;

/// <summary>How a picture is encoded.</summary>
internal enum PictureFormat
{
    Png,
    Jpeg,
    WebP,
}

/// <summary>Pictures to bytes.</summary>
internal static class PictureFormats
{
    /// <summary>The longest side, in pixels, that all of them can hold; WebP has 14 bits for it.</summary>
    public const int MaximumSide = 16383;

    public static string Name(this PictureFormat format) => format.ToString().ToLowerInvariant();

    public static byte[] Encode(this PictureFormat format, Frame frame, int quality)
    {
        using SKBitmap bitmap = SkiaFrames.ToBitmap(frame);
        using SKData data = bitmap.Encode(
            format switch { PictureFormat.Png => SKEncodedImageFormat.Png, PictureFormat.Jpeg => SKEncodedImageFormat.Jpeg, _ => SKEncodedImageFormat.Webp }, quality);
        return data.ToArray();
    }

    /// <summary>What bytes claim to be by their first ones; null where that is none of the three.</summary>
    public static PictureFormat? Recognize(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(PngChunks.Signature) ? PictureFormat.Png
        : bytes.StartsWith<byte>([0xff, 0xd8, 0xff]) ? PictureFormat.Jpeg
        : bytes.Length >= 12 && bytes.StartsWith("RIFF"u8) && bytes[8..].StartsWith("WEBP"u8) ? PictureFormat.WebP
        : null;
}
