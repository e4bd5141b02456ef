namespace Millrace.Imaging.Sinks;

/// <summary>8-bit red, green, blue on a stream, frame after frame, for ffmpeg or a game to read.</summary>
/// <param name="stream">Owned.</param>
/// <param name="name">What messages call it.</param>
public sealed class RawSink(Stream stream, string name) : IFrameSink
{
    /// <inheritdoc/>
    public async ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        try
        {
            await stream.WriteAsync(frame.Rgb, cancellationToken);
        }
        catch (IOException error)
        {
            throw new IOException($"Frame {frame.Id} cannot be written to {name}: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken = default) => await stream.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
