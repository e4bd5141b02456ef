using SkiaSharp;

namespace Millrace.Imaging;

/// <summary>Brings frames of any size to one size.</summary>
/// <param name="width">Target width in pixels.</param>
/// <param name="height">Target height in pixels.</param>
/// <param name="mode">What happens where the shapes differ.</param>
public sealed class FrameFit(int width, int height, FitMode mode)
{
    /// <summary>A frame of the target's size; the same frame where it has that size already.</summary>
    public Frame Apply(Frame frame)
    {
        if ((frame.Width, frame.Height) == (width, height))
        {
            return frame;
        }

        using SKBitmap source = SkiaFrames.ToBitmap(frame);
        using SKImage image = SKImage.FromBitmap(source);
        using var target = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(target))
        {
            canvas.Clear(SKColors.Black);
            canvas.DrawImage(image, Place(frame.Width, frame.Height), Sampling(frame));
        }

        return SkiaFrames.FromBitmap(target, frame.Id, frame.Timestamp);
    }

    private SKRect Place(double sourceWidth, double sourceHeight)
    {
        double across = width / sourceWidth, down = height / sourceHeight;
        (double x, double y) = mode switch
        {
            FitMode.Letterbox => (Math.Min(across, down), Math.Min(across, down)),
            FitMode.Crop => (Math.Max(across, down), Math.Max(across, down)),
            FitMode.Stretch => (across, down),
            _ => throw new InvalidOperationException($"Unknown fit {mode}."),
        };
        double fittedWidth = sourceWidth * x, fittedHeight = sourceHeight * y;
        return SKRect.Create((float)((width - fittedWidth) / 2), (float)((height - fittedHeight) / 2), (float)fittedWidth, (float)fittedHeight);
    }

    // Mipmaps average over all pixels when a picture shrinks; a cubic keeps edges when it grows.
    private SKSamplingOptions Sampling(Frame frame) => frame.Width > width || frame.Height > height
        ? new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear)
        : new SKSamplingOptions(SKCubicResampler.Mitchell);
}
