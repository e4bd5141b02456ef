using Millrace.Streaming;

namespace Millrace.Cli;

/// <summary>What <c>millrace stream</c> says at its end.</summary>
/// <param name="FramesIn">Frames that entered, those skipped included.</param>
/// <param name="FramesOut">Frames that were written.</param>
/// <param name="FramesSkipped">Frames for which the picture before was shown again, for they hardly differed.</param>
/// <param name="FramesDropped">Frames of a live source that came too fast.</param>
/// <param name="NetworkCalls">Ticks of the stream batch.</param>
/// <param name="Seconds">From the first read to the last write.</param>
/// <param name="FramesPerSecond">Frames out a second.</param>
/// <param name="LatencyMilliseconds">For each stage, the milliseconds that half, 95 % and 99 % of the frames stay below.</param>
/// <param name="Output">Where it went.</param>
/// <param name="Cancelled">Whether it was ended before the source was.</param>
internal sealed record StreamReport(
    long FramesIn, long FramesOut, long FramesSkipped, long FramesDropped, long NetworkCalls, double Seconds, double FramesPerSecond,
    IReadOnlyDictionary<string, StreamReport.Latency> LatencyMilliseconds, string Output, bool Cancelled)
{
    public static StreamReport Of(StreamStatistics statistics, TimeSpan elapsed, string output, bool cancelled) => new(
        statistics.FramesIn, statistics.FramesOut, statistics.FramesSkipped, statistics.FramesDropped, statistics.NetworkCalls,
        Math.Round(elapsed.TotalSeconds, 3), Math.Round(statistics.FramesOut / elapsed.TotalSeconds, 2),
        statistics.Stages.OrderBy(stage => stage.Key).ToDictionary(stage => stage.Key.ToString().ToLowerInvariant(), stage => Latency.Of(stage.Value)),
        output, cancelled);

    /// <summary>The report for people.</summary>
    public IEnumerable<string> Lines()
    {
        yield return $"{FramesOut} frames in {Seconds:0.0} s, {FramesPerSecond:0.0} a second, to {Output}{(Cancelled ? " (cancelled)" : "")}.";
        if (FramesSkipped + FramesDropped > 0)
        {
            yield return $"{FramesSkipped} skipped as similar, {FramesDropped} dropped as too fast, of {FramesIn + FramesDropped}.";
        }

        yield return $"Milliseconds a frame, p50 / p95 / p99: {string.Join("; ", LatencyMilliseconds.Select(stage => $"{stage.Key} {stage.Value}"))}.";
    }

    internal readonly record struct Latency(double P50, double P95, double P99)
    {
        public static Latency Of(LatencyHistogram histogram) => new(Milliseconds(histogram, 0.5), Milliseconds(histogram, 0.95), Milliseconds(histogram, 0.99));

        public override string ToString() => $"{P50:0.#} / {P95:0.#} / {P99:0.#}";

        private static double Milliseconds(LatencyHistogram histogram, double share) => Math.Round(histogram.Percentile(share).TotalMilliseconds, 3);
    }
}
