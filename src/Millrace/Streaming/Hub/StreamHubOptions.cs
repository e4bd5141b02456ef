using Millrace.Imaging;

namespace Millrace.Streaming.Hub;

/// <summary>How a <see cref="StreamHub"/> shares its model.</summary>
public sealed record StreamHubOptions
{
    /// <summary>Streams open at once; at least 1. One more is refused.</summary>
    public int MaximumStreams { get; init; } = 64;

    /// <summary>Rows in one network call; at least 1. A stream whose rows alone are more is served alone. Bounds how long a frame waits for the call before its own.</summary>
    public int MaximumRows { get; init; } = 32;

    /// <summary>Frames of one stream that wait to enter; at least 1. Where they are more, the oldest is dropped and counted.</summary>
    public int QueueCapacity { get; init; } = 1;

    /// <summary>Results of one stream that wait to be read; at least 1. Where they are more, the oldest is dropped and counted.</summary>
    public int ResultCapacity { get; init; } = 8;

    /// <summary>Share of a turn's duration for which the next one waits, where some streams have a frame and others, served just before, have not yet; in [0, 1].</summary>
    public double GatherShare { get; init; } = 0.1;

    /// <summary>Time from sending a frame to its result that each stream is held to; null holds to none. See <see cref="StepPolicy"/> for how.</summary>
    public TimeSpan? LatencyTarget { get; init; }

    /// <summary>Time without a new frame after which the frames of a stream in flight are finished, so that the last one is never left hanging.</summary>
    public TimeSpan DrainAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Encoded prompts that are kept for the next stream that asks for them; at least 2.</summary>
    public int CachedPrompts { get; init; } = 256;

    /// <summary>How frames of another shape are brought to the size of their stream.</summary>
    public FitMode Fit { get; init; } = FitMode.Crop;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumStreams, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(QueueCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ResultCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(CachedPrompts, 2);
        if (GatherShare is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(GatherShare), GatherShare, "GatherShare must be in [0, 1].");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(DrainAfter, TimeSpan.Zero);
        if (LatencyTarget is { } target)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(target, TimeSpan.Zero, nameof(LatencyTarget));
        }

        if (!Enum.IsDefined(Fit))
        {
            throw new ArgumentException($"Fit must be one of {string.Join(", ", Enum.GetNames<FitMode>())}, got {Fit}.");
        }
    }
}
