using SkiaSharp;
using static TorchSharp.torch;

namespace Millrace.Recipes;

/// <summary>Many small pictures as one PNG.</summary>
internal static class PictureGrid
{
    /// <summary>Saves a grid.</summary>
    /// <param name="images">[N, 3, H, W], in [-1, 1] (clamped).</param>
    /// <param name="columns">Pictures in a row.</param>
    /// <param name="path">Target.</param>
    public static void Save(Tensor images, int columns, string path)
    {
        using var scope = NewDisposeScope();
        int count = (int)images.shape[0], height = (int)images.shape[2], width = (int)images.shape[3], rows = (count + columns - 1) / columns;
        byte[] bytes = images.Clamped(-1, 1).Plus(1).Times(127.5).round().to(uint8).permute(0, 2, 3, 1).contiguous().data<byte>().ToArray();
        using var bitmap = new SKBitmap(columns * width, rows * height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        Span<byte> target = bitmap.GetPixelSpan();
        target.Fill(255);
        for (int index = 0; index < count * height * width; index++)
        {
            int picture = index / (height * width), y = index / width % height, x = index % width;
            int start = ((((picture / columns * height) + y) * bitmap.Width) + (picture % columns * width) + x) * 4;
            bytes.AsSpan(index * 3, 3).CopyTo(target[start..]);
        }

        using FileStream file = File.Create(path);
        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
    }
}
