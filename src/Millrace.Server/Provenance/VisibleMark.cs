using Millrace.Imaging;
using SkiaSharp;

namespace Millrace.Server.Provenance;

/// <summary>A small mill wheel in the lower right corner.</summary>
internal static class VisibleMark
{
    private const int Paddles = 8;

    public static Frame Apply(Frame picture)
    {
        using SKBitmap bitmap = SkiaFrames.ToBitmap(picture);
        using (var canvas = new SKCanvas(bitmap))
        {
            float radius = Math.Max(3, Math.Min(picture.Width, picture.Height) / 16f), centre = 1.6f * radius;
            canvas.Translate(picture.Width - centre, picture.Height - centre);
            using var dark = Pen(SKColors.Black.WithAlpha(150), radius / 2);
            using var light = Pen(SKColors.White.WithAlpha(230), radius / 4);
            foreach (SKPaint pen in new[] { dark, light })
            {
                canvas.DrawCircle(0, 0, radius * 0.7f, pen);
                for (int paddle = 0; paddle < Paddles; paddle++)
                {
                    (float y, float x) = MathF.SinCos(2 * MathF.PI * paddle / Paddles);
                    canvas.DrawLine(x * radius * 0.7f, y * radius * 0.7f, x * radius, y * radius, pen);
                }
            }
        }

        return SkiaFrames.FromBitmap(bitmap, picture.Id, picture.Timestamp);
    }

    private static SKPaint Pen(SKColor colour, float width) => new() { Color = colour, StrokeWidth = width, Style = SKPaintStyle.Stroke, IsAntialias = true, StrokeCap = SKStrokeCap.Round };
}
