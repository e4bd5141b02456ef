using SkiaSharp;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Random strokes and blots of colour: what a person draws before the model has seen it.</summary>
internal static class SketchPictures
{
    /// <summary>Draws <paramref name="count"/> sketches, [count, 3, side, side], bytes, on white.</summary>
    public static Tensor Draw(int count, int side, int seed)
    {
        var random = new Random(seed);
        var pixels = new byte[count * 3 * side * side];
        using var bitmap = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Premul));
        using var canvas = new SKCanvas(bitmap);
        for (int index = 0; index < count; index++)
        {
            canvas.Clear(random.Next(4) == 0 ? Colour(random) : SKColors.White);
            for (int shape = random.Next(1, 7); shape > 0; shape--)
            {
                Shape(canvas, random, side);
            }

            canvas.Flush();
            ReadOnlySpan<byte> rgba = bitmap.GetPixelSpan();
            for (int pixel = 0; pixel < side * side; pixel++)
            {
                for (int channel = 0; channel < 3; channel++)
                {
                    pixels[(((index * 3) + channel) * side * side) + pixel] = rgba[(pixel * 4) + channel];
                }
            }
        }

        return tensor(pixels, [count, 3, side, side], dtype: uint8);
    }

    private static void Shape(SKCanvas canvas, Random random, int side)
    {
        float Place() => random.NextSingle() * side;
        using var paint = new SKPaint { Color = Colour(random), IsAntialias = true, StrokeWidth = 1 + (random.NextSingle() * side / 5), StrokeCap = SKStrokeCap.Round };
        switch (random.Next(4))
        {
            case 0:
                canvas.DrawOval(Place(), Place(), 2 + (Place() / 3), 2 + (Place() / 3), paint);
                break;
            case 1:
                canvas.DrawRect(Place(), Place(), Place() / 2, Place() / 2, paint);
                break;
            default:
                using (var path = new SKPath())
                {
                    path.MoveTo(Place(), Place());
                    path.CubicTo(Place(), Place(), Place(), Place(), Place(), Place());
                    paint.Style = random.Next(3) == 0 ? SKPaintStyle.Fill : SKPaintStyle.Stroke;
                    canvas.DrawPath(path, paint);
                }

                break;
        }
    }

    private static SKColor Colour(Random random) => SKColor.FromHsv(random.Next(360), random.Next(101), random.Next(20, 101));
}
