using SkiaSharp;

namespace Millrace.Imaging;

/// <summary>Many frames on one page, each with a caption below it.</summary>
public static class ContactSheet
{
    private const int Gap = 6;
    private const int CaptionHeight = 16;

    /// <summary>Draws a page.</summary>
    /// <param name="frames">At least one; all of one size.</param>
    /// <param name="captions">One a frame, or none at all.</param>
    /// <param name="columns">Frames in a row; at least 1.</param>
    /// <param name="scale">Size of a pixel on the page; at least 1.</param>
    /// <exception cref="ArgumentException">Where sizes differ or captions are not as many as frames.</exception>
    public static Frame Draw(IReadOnlyList<Frame> frames, IReadOnlyList<string> captions, int columns, int scale = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        if (frames.Count == 0 || frames.Any(frame => (frame.Width, frame.Height) != (frames[0].Width, frames[0].Height)))
        {
            throw new ArgumentException("A contact sheet needs at least one frame, all of one size.", nameof(frames));
        }

        if (captions.Count != 0 && captions.Count != frames.Count)
        {
            throw new ArgumentException($"A contact sheet needs a caption for each of its {frames.Count} frames or none, got {captions.Count}.", nameof(captions));
        }

        int width = frames[0].Width * scale, height = frames[0].Height * scale, caption = captions.Count > 0 ? CaptionHeight : 0;
        int across = Math.Min(columns, frames.Count), down = (frames.Count + across - 1) / across;
        using var page = new SKBitmap(new SKImageInfo(Gap + (across * (width + Gap)), Gap + (down * (height + caption + Gap)), SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(page))
        {
            using var font = new SKFont(SKTypeface.Default, 11);
            using var ink = new SKPaint { Color = SKColors.Black, IsAntialias = true };
            canvas.Clear(SKColors.White);
            for (int index = 0; index < frames.Count; index++)
            {
                int left = Gap + (index % across * (width + Gap)), top = Gap + (index / across * (height + caption + Gap));
                using SKBitmap bitmap = SkiaFrames.ToBitmap(frames[index]);
                using SKImage image = SKImage.FromBitmap(bitmap);
                canvas.DrawImage(image, SKRect.Create(left, top, width, height), new SKSamplingOptions(SKFilterMode.Nearest));
                if (captions.Count > 0)
                {
                    canvas.DrawText(Shorten(captions[index], font, width), left, top + height + 12, font, ink);
                }
            }
        }

        return SkiaFrames.FromBitmap(page, 0, TimeSpan.Zero);
    }

    private static string Shorten(string text, SKFont font, float width)
    {
        while (text.Length > 1 && font.MeasureText(text) > width)
        {
            text = text[..^1];
        }

        return text;
    }
}
