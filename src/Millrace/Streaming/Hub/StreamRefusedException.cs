namespace Millrace.Streaming.Hub;

/// <summary>A <see cref="StreamHub"/> that is full, or closed, was asked for one more stream.</summary>
public sealed class StreamRefusedException : InvalidOperationException
{
    /// <inheritdoc/>
    public StreamRefusedException()
    {
    }

    /// <inheritdoc/>
    public StreamRefusedException(string message)
        : base(message)
    {
    }

    /// <inheritdoc/>
    public StreamRefusedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
