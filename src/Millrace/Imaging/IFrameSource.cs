namespace Millrace.Imaging;

/// <summary>Where frames come from.</summary>
public interface IFrameSource : IAsyncDisposable
{
    /// <summary>Number of frames; null where it is not known beforehand.</summary>
    int? Count { get; }

    /// <summary>Frames a second; null where frames have no time of their own, as in a folder of pictures.</summary>
    double? FramesPerSecond { get; }

    /// <summary>The frames, in order. Can be read once.</summary>
    /// <exception cref="InvalidDataException">Where the source is not what it says; the message says what and where.</exception>
    IAsyncEnumerable<Frame> ReadAsync(CancellationToken cancellationToken = default);
}
