using Millrace.Guidance;
using Millrace.Runtime;
using Millrace.Streaming;

namespace Millrace.Cli;

/// <summary>Refuses a stream that cannot fit into memory before the system ends the process for it.</summary>
internal static class MemoryGuard
{
    /// <summary>
    /// A lower bound of what one row of the network takes for each pixel of its image: a U-Net of 64 channels at an eighth of the
    /// sides, with its skip connections. Real models take two to six times as much.
    /// </summary>
    private const long BytesPerPixelOfRow = 256;

    /// <exception cref="InsufficientMemoryException">Says what is needed and what there is.</exception>
    public static void Check(StreamOptions options)
    {
        long rows = (long)options.FrameBufferSize * options.Steps.Count * (options.Guidance == GuidanceType.Full ? 2 : 1);
        Check(
            rows, options.Width, options.Height, $"{options.Steps.Count} steps of {options.FrameBufferSize} frames", "use fewer --steps, a smaller --size or a smaller --frame-buffer");
    }

    /// <exception cref="InsufficientMemoryException">Says what is needed and what there is.</exception>
    public static void Check(int width, int height, int batch) => Check(batch, width, height, $"{batch} pictures at once", "use a smaller --size or a smaller --batch");

    private static void Check(long rows, int width, int height, string what, string remedy)
    {
        double needed = (double)rows * width * height * BytesPerPixelOfRow, available = MemoryReading.Now().Available;
        if (needed > available)
        {
            throw new InsufficientMemoryException(
                $"{what} at {width} x {height} need at least {Gibibytes(needed)} of memory, and {Gibibytes(available)} are available: {remedy}.");
        }
    }

    private static string Gibibytes(double bytes) => $"{bytes / (1L << 30):0.0} GiB";
}
