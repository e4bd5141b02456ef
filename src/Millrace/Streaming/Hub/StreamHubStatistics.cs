using System.Collections.Immutable;

namespace Millrace.Streaming.Hub;

/// <summary>Counters and durations of a hub. Safe to read while it runs.</summary>
public sealed class StreamHubStatistics
{
    private long _networkCalls;
    private long _rows;
    private long _framesOut;
    private long _framesDropped;
    private int _openStreams;
    private int _waitingFrames;

    /// <summary>Network calls.</summary>
    public long NetworkCalls => Interlocked.Read(ref _networkCalls);

    /// <summary>Rows in all of them.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>Results of all streams.</summary>
    public long FramesOut => Interlocked.Read(ref _framesOut);

    /// <summary>Frames of all streams that were dropped, on their way in or out.</summary>
    public long FramesDropped => Interlocked.Read(ref _framesDropped);

    /// <summary>Streams open now.</summary>
    public int OpenStreams => Volatile.Read(ref _openStreams);

    /// <summary>Frames that wait to enter, at the last turn.</summary>
    public int WaitingFrames => Volatile.Read(ref _waitingFrames);

    /// <summary>Durations of the shared calls (<see cref="StreamStage.Encode"/>, <see cref="StreamStage.Denoise"/>, <see cref="StreamStage.Decode"/>), and from sending a frame to its result (<see cref="StreamStage.Total"/>); <see cref="StreamStage.Read"/> and <see cref="StreamStage.Write"/> are recorded by who brings the frames, where he does.</summary>
    public ImmutableDictionary<StreamStage, LatencyHistogram> Stages { get; } =
        Enum.GetValues<StreamStage>().ToImmutableDictionary(stage => stage, _ => new LatencyHistogram());

    internal void CountCall(int rows)
    {
        Interlocked.Increment(ref _networkCalls);
        Interlocked.Add(ref _rows, rows);
    }

    internal void CountOut() => Interlocked.Increment(ref _framesOut);

    internal void CountDropped() => Interlocked.Increment(ref _framesDropped);

    internal void CountStreams(int open, int waiting)
    {
        Volatile.Write(ref _openStreams, open);
        Volatile.Write(ref _waitingFrames, waiting);
    }
}
