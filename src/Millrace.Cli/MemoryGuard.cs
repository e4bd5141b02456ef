using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Runtime;
using Millrace.Streaming;

namespace Millrace.Cli;

/// <summary>Says what memory a model will take, and refuses what cannot fit, before anything is allocated.</summary>
internal static class MemoryGuard
{
    // Below, nobody wants to know.
    private const double WorthSaying = 256 << 20;

    /// <summary>Of a stream.</summary>
    /// <exception cref="InsufficientMemoryException">Says what is needed and what there is.</exception>
    public static void Check(Terminal terminal, DiffusionModel survey, StreamOptions options, int bytesPerNumber)
    {
        double rows = (double)options.FrameBufferSize * options.Steps.Count * (options.Guidance == GuidanceType.Full ? 2 : 1);
        Check(
            terminal, MemoryForecast.Of(survey, options.Width, options.Height, options.FrameBufferSize, rows, bytesPerNumber),
            $"{options.Steps.Count} steps of {options.FrameBufferSize} frames at {options.Width} x {options.Height}", "use fewer --steps, a smaller --size or a smaller --frame-buffer");
    }

    /// <summary>Of pictures drawn with a solver.</summary>
    /// <exception cref="InsufficientMemoryException">Says what is needed and what there is.</exception>
    public static void Check(Terminal terminal, DiffusionModel survey, int width, int height, int batch, int bytesPerNumber) =>
        Check(
            terminal, MemoryForecast.Of(survey, width, height, batch, 2.0 * batch, bytesPerNumber),
            $"{batch} pictures at once at {width} x {height}", "use a smaller --size, a smaller --batch or a smaller model");

    private static void Check(Terminal terminal, MemoryForecast forecast, string what, string remedy)
    {
        double available = MemoryReading.Now().Available;
        string needs = $"{Gibibytes(forecast.WeightBytes)} for the weights and about {Gibibytes(forecast.ActivationBytes)} to compute {what}";
        if (forecast.TotalBytes > available)
        {
            throw new InsufficientMemoryException($"This needs {Gibibytes(forecast.TotalBytes)} of memory, {needs}, and {Gibibytes(available)} are available: {remedy}.");
        }

        if (forecast.TotalBytes > WorthSaying)
        {
            terminal.Note($"Memory: {needs}, of {Gibibytes(available)} that are available.");
        }
    }

    private static string Gibibytes(double bytes) => $"{bytes / (1L << 30):0.0} GiB";
}
