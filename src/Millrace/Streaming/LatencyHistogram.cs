namespace Millrace.Streaming;

/// <summary>Durations in buckets two percent wide, from a microsecond to ten minutes: any number of them in the same memory.</summary>
public sealed class LatencyHistogram
{
    private const double Growth = 1.02;
    private const double Shortest = 1e-6; // seconds
    private const int Buckets = 1024;

    private readonly long[] _counts = new long[Buckets];
    private readonly Lock _lock = new();

    /// <summary>Number of durations.</summary>
    public long Count { get; private set; }

    /// <summary>Sum of all durations.</summary>
    public TimeSpan Total { get; private set; }

    /// <summary>Adds a duration.</summary>
    public void Record(TimeSpan duration)
    {
        double position = Math.Log(Math.Max(duration.TotalSeconds, Shortest) / Shortest, Growth);
        lock (_lock)
        {
            _counts[(int)Math.Min(position, Buckets - 1)]++;
            Count++;
            Total += duration;
        }
    }

    /// <summary>How many durations do not exceed a bound, to two percent of it.</summary>
    public long CountUpTo(TimeSpan bound)
    {
        double position = Math.Log(Math.Max(bound.TotalSeconds, Shortest) / Shortest, Growth);
        lock (_lock)
        {
            return _counts.AsSpan(0, (int)Math.Min(position, Buckets)).ToArray().Sum();
        }
    }

    /// <summary>The duration that the given share of all do not exceed, to two percent; zero where there is none.</summary>
    /// <param name="share">In [0, 1].</param>
    public TimeSpan Percentile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        lock (_lock)
        {
            long wanted = Math.Max(1, (long)Math.Ceiling(share * Count)), seen = 0;
            for (int bucket = 0; bucket < Buckets && Count > 0; bucket++)
            {
                seen += _counts[bucket];
                if (seen >= wanted)
                {
                    return TimeSpan.FromSeconds(Shortest * Math.Pow(Growth, bucket + 0.5));
                }
            }

            return TimeSpan.Zero;
        }
    }
}
