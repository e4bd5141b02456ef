namespace Millrace.Imaging.Sinks;

/// <summary>Takes frames and keeps none: to measure, or to look at the counters only.</summary>
public sealed class NullSink : IFrameSink
{
    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
