namespace Millrace.Imaging.Sinks;

/// <summary>8-bit red, green, blue on a stream, frame after frame, for ffmpeg or a game to read.</summary>
/// <param name="stream">Owned.</param>
public sealed class RawSink(Stream stream) : IFrameSink
{
    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default) => stream.WriteAsync(frame.Rgb, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken = default) => await stream.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
