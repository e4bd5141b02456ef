using Millrace.Files;

namespace Millrace.Imaging.Sinks;

/// <summary>One PNG a frame, numbered from 0. Each picture is whole or absent; those of a run that failed stay.</summary>
/// <param name="folder">Created where it does not exist.</param>
public sealed class FolderSink(string folder) : IFrameSink
{
    private long _count;

    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        string path = Path.Combine(folder, $"{_count:D6}.png");
        try
        {
            Directory.CreateDirectory(folder);
            AtomicFile.Write(path, file => file.Write(SkiaFrames.EncodePng(frame)));
            _count++;
            return ValueTask.CompletedTask;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{path}' cannot be written: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <inheritdoc/>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
