using Millrace.Imaging;
using SkiaSharp;

namespace Millrace.Server.Images;

/// <summary>Pictures that came with a request. Their headers are looked at before memory is taken for their pixels.</summary>
internal static class UploadedPicture
{
    /// <exception cref="InvalidDataException">Where the bytes are no PNG, JPEG or WebP, or one too large or broken.</exception>
    public static Frame Decode(byte[] bytes, string name, long maximumPixels, PictureFormat? expected = null)
    {
        PictureFormat? format = PictureFormats.Recognize(bytes);
        if (format is null || (expected is not null && format != expected))
        {
            throw new InvalidDataException($"'{name}' is no {expected?.ToString() ?? "PNG, JPEG or WebP"} picture.");
        }

        using SkiaDecoder decoder = SkiaDecoder.Open(bytes, name, maximumPixels);
        return decoder.Decode(0, 0, TimeSpan.Zero);
    }

    /// <summary>A mask in OpenAI's form: transparent where the picture is to be filled in.</summary>
    /// <returns>White there, black elsewhere.</returns>
    /// <exception cref="InvalidDataException">Where the bytes are no PNG, or one too large, broken, or without transparent pixels.</exception>
    public static Frame DecodeMask(byte[] bytes, string name, long maximumPixels)
    {
        _ = Decode(bytes, name, maximumPixels, PictureFormat.Png);
        using SKBitmap bitmap = SkiaFrames.Decode(bytes, SKAlphaType.Unpremul) ?? throw new InvalidDataException($"'{name}' is damaged.");
        ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
        var rgb = new byte[3 * bitmap.Width * bitmap.Height];
        for (int pixel = 0; pixel < rgb.Length / 3; pixel++)
        {
            rgb.AsSpan(3 * pixel, 3).Fill(rgba[(4 * pixel) + 3] < 128 ? byte.MaxValue : byte.MinValue);
        }

        return rgb.AsSpan().Contains(byte.MaxValue)
            ? new Frame(0, TimeSpan.Zero, bitmap.Width, bitmap.Height, rgb)
            : throw new InvalidDataException($"'{name}' has no transparent pixels: it marks nothing to fill in.");
    }
}
