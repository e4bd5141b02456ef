using Millrace.Imaging;
using Millrace.Streaming;

namespace Millrace.Pipelines;

internal static class GeneratedImageExtensions
{
    /// <summary>Images to frames; disposes the images.</summary>
    public static Frame[] ToFrames(this IReadOnlyList<GeneratedImage> images)
    {
        try
        {
            return [.. images.Select(image => PixelConversion.ToFrame(image.Image, image.FrameId, TimeSpan.Zero))];
        }
        finally
        {
            foreach (GeneratedImage image in images)
            {
                image.Dispose();
            }
        }
    }
}
