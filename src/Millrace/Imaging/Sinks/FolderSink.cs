namespace Millrace.Imaging.Sinks;

/// <summary>One PNG a frame, numbered from 0. Each picture is whole or absent; those of a run that failed stay.</summary>
/// <param name="folder">Created where it does not exist.</param>
public sealed class FolderSink(string folder) : IFrameSink
{
    private long _count;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        string path = Path.Combine(folder, $"{_count:D6}.png"), temporary = path + ".partial";
        try
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllBytesAsync(temporary, SkiaFrames.EncodePng(frame), cancellationToken);
            File.Move(temporary, path, overwrite: true);
            _count++;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new IOException($"'{path}' cannot be written: {error.Message.TrimEnd('.')}.", error);
        }
    }

    /// <inheritdoc/>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
