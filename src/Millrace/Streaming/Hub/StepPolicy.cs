namespace Millrace.Streaming.Hub;

/// <summary>
/// How a stream keeps its latency target. First by dropping frames: only the newest wait. Where that is not enough and the mean
/// latency of a window of frames is over the target, by one step less, down to one; a step comes back once the latency expected
/// with it has been well under the target for several windows. The steps in force are told with every frame.
/// </summary>
public sealed class StepPolicy
{
    private const int Window = 12;
    private const int CalmWindows = 4;
    private const double Comfort = 0.7;

    private readonly TimeSpan _target;
    private TimeSpan _sum;
    private int _count;
    private int _calm;

    /// <summary>Starts with all steps.</summary>
    /// <param name="target">Latency to keep.</param>
    public StepPolicy(TimeSpan target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(target, TimeSpan.Zero);
        _target = target;
    }

    /// <summary>Steps left out at present; at least 0.</summary>
    public int Reduction { get; private set; }

    /// <summary>Takes one frame's latency.</summary>
    /// <param name="latency">From sending the frame to its result.</param>
    /// <param name="asked">Steps that the stream's user asked for.</param>
    /// <returns>Whether the number of steps changes.</returns>
    public bool Observe(TimeSpan latency, int asked)
    {
        _sum += latency;
        if (++_count < Window)
        {
            return false;
        }

        TimeSpan mean = _sum / _count;
        int steps = Math.Max(1, asked - Reduction);
        (_sum, _count) = (TimeSpan.Zero, 0);
        if (mean > _target && steps > 1)
        {
            (Reduction, _calm) = (asked - steps + 1, 0);
            return true;
        }

        bool calm = Reduction > 0 && mean * (steps + 1) / steps < _target * Comfort;
        _calm = calm ? _calm + 1 : 0;
        if (_calm < CalmWindows)
        {
            return false;
        }

        (Reduction, _calm) = (Math.Min(Reduction, asked - 1) - 1, 0);
        return true;
    }

    /// <summary>The steps in force: spread over those asked for, the first always among them, for it sets how strongly the picture changes.</summary>
    /// <param name="asked">Strictly ascending indices.</param>
    public IReadOnlyList<int> Choose(IReadOnlyList<int> asked)
    {
        int count = Math.Max(1, asked.Count - Reduction);
        return count == asked.Count ? asked : [.. Enumerable.Range(0, count).Select(step => asked[step * asked.Count / count])];
    }
}
