using System.Collections.Immutable;

namespace Millrace.Streaming;

/// <summary>Counters and durations of one stream. Safe to read while it runs.</summary>
public sealed class StreamStatistics
{
    private long _framesIn;
    private long _framesOut;
    private long _framesSkipped;
    private long _framesDropped;
    private long _networkCalls;

    /// <summary>Frames that entered, those skipped included.</summary>
    public long FramesIn => Interlocked.Read(ref _framesIn);

    /// <summary>Frames that left.</summary>
    public long FramesOut => Interlocked.Read(ref _framesOut);

    /// <summary>Frames for which the previous picture was shown again.</summary>
    public long FramesSkipped => Interlocked.Read(ref _framesSkipped);

    /// <summary>Frames of a live source that were too late to enter.</summary>
    public long FramesDropped => Interlocked.Read(ref _framesDropped);

    /// <summary>Ticks of the stream batch.</summary>
    public long NetworkCalls => Interlocked.Read(ref _networkCalls);

    /// <summary>Durations of each stage.</summary>
    public ImmutableDictionary<StreamStage, LatencyHistogram> Stages { get; } =
        Enum.GetValues<StreamStage>().ToImmutableDictionary(stage => stage, _ => new LatencyHistogram());

    internal void CountIn() => Interlocked.Increment(ref _framesIn);

    internal void CountOut() => Interlocked.Increment(ref _framesOut);

    internal void CountSkipped() => Interlocked.Increment(ref _framesSkipped);

    internal void CountDropped() => Interlocked.Increment(ref _framesDropped);

    internal void CountNetworkCall() => Interlocked.Increment(ref _networkCalls);
}
