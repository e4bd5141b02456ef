namespace Millrace.Imaging;

/// <summary>
/// Where frames go. A file appears under its name only when it is whole: <see cref="CompleteAsync"/> makes it so, also after
/// a cancelled run, with the frames written until then. Disposing without completing leaves nothing behind.
/// </summary>
public interface IFrameSink : IAsyncDisposable
{
    /// <summary>Takes the next frame.</summary>
    /// <exception cref="IOException">Where it cannot be written; the message says where and why.</exception>
    ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default);

    /// <summary>Ends the output and puts it in its place. Nothing appears where no frame was written.</summary>
    ValueTask CompleteAsync(CancellationToken cancellationToken = default);
}
