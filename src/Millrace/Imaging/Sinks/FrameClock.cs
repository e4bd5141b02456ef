namespace Millrace.Imaging.Sinks;

/// <summary>Tells when each frame of an output begins and ends, from zero and without gaps.</summary>
/// <param name="framesPerSecond">A steady pace; null follows the frames' own timestamps.</param>
internal sealed class FrameClock(double? framesPerSecond)
{
    private const double UsualFramesPerSecond = 10;

    private long _count;
    private TimeSpan _end;
    private TimeSpan _lastDuration = TimeSpan.FromSeconds(1 / UsualFramesPerSecond);

    /// <summary>Places a frame behind those before it. The last one, and one that is not older than the next, lasts as long as the one before.</summary>
    public (TimeSpan Start, TimeSpan End) Place(Frame frame, Frame? next)
    {
        TimeSpan start = _end;
        _count++;
        if (next is not null && next.Timestamp > frame.Timestamp)
        {
            _lastDuration = next.Timestamp - frame.Timestamp;
        }

        // From the start of the output, so that roundings do not add up.
        _end = framesPerSecond is { } pace ? TimeSpan.FromSeconds(_count / pace) : start + _lastDuration;
        return (start, _end);
    }
}
