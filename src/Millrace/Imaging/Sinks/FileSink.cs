namespace Millrace.Imaging.Sinks;

/// <summary>A sink into one file, which is written under a temporary name and moved into place when it is whole.</summary>
public abstract class FileSink : IFrameSink
{
    private readonly string _path;
    private readonly string _temporary;
    private FileStream? _file;

    /// <param name="path">The file; replaced where it exists.</param>
    protected FileSink(string path) => (_path, _temporary) = (path, path + ".partial");

    /// <summary>Number of frames written.</summary>
    protected long Count { get; private set; }

    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        Guarded(() =>
        {
            _file ??= File.Create(_temporary);
            WriteFrame(_file, frame);
            Count++;
        });
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (_file is { } file)
        {
            Guarded(() =>
            {
                Finish(file);
                file.Dispose();
                _file = null;
                File.Move(_temporary, _path, overwrite: true);
            });
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Abandon();
        return ValueTask.CompletedTask;
    }

    /// <summary>Appends a frame; before the first one the file is empty.</summary>
    protected abstract void WriteFrame(Stream file, Frame frame);

    /// <summary>Writes what stands behind the last frame, or can be known only then.</summary>
    protected abstract void Finish(Stream file);

    /// <summary>Refuses a frame of another size than the first: an animation has one.</summary>
    protected void CheckSize(Frame frame, ref (int Width, int Height) size)
    {
        if (Count > 0 && (frame.Width, frame.Height) != size)
        {
            throw new ArgumentException($"All frames of '{_path}' must be {size.Width} x {size.Height}; frame {frame.Id} is {frame.Width} x {frame.Height}.", nameof(frame));
        }

        size = (frame.Width, frame.Height);
    }

    private void Guarded(Action work)
    {
        try
        {
            work();
        }
        catch (Exception error)
        {
            Abandon();
            if (error is IOException or UnauthorizedAccessException)
            {
                throw new IOException($"'{_path}' cannot be written: {error.Message.TrimEnd('.')}.", error);
            }

            throw;
        }
    }

    private void Abandon()
    {
        if (_file is { } file)
        {
            _file = null;
            try
            {
                file.Dispose();
            }
            catch (IOException)
            {
                // A full disk makes the last flush fail too; the first failure is the one that is told.
            }

            File.Delete(_temporary);
        }
    }
}
