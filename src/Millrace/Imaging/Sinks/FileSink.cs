namespace Millrace.Imaging.Sinks;

/// <summary>
/// A sink into one file, which is written under a temporary name and moved into place when it is whole. A frame is encoded when
/// the next one comes, because only then is it known how long it is shown.
/// </summary>
public abstract class FileSink : IFrameSink
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly FrameClock _clock;
    private FileStream? _file;
    private Frame? _pending;
    private bool _closed;

    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="options">Pace.</param>
    protected FileSink(string path, FrameSinkOptions options) =>
        (_path, _temporary, _clock) = (path, path + ".partial", new FrameClock(options.FramesPerSecond));

    /// <summary>Number of frames encoded.</summary>
    protected long Count { get; private set; }

    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        Guarded(() =>
        {
            _file ??= File.Create(_temporary);
            if (_pending is { } previous)
            {
                CheckSize(frame, previous);
                Encode(_file, previous, frame);
            }

            _pending = frame;
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
                Encode(file, _pending!, null);
                Finish(file);
                file.Dispose();
                File.Move(_temporary, _path, overwrite: true);
                (_file, _closed) = (null, true);
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
    /// <param name="file">Can be sought.</param>
    /// <param name="frame">Of the same size as those before.</param>
    /// <param name="start">When the frame appears, from the start of the output.</param>
    /// <param name="end">When the next one takes its place.</param>
    protected abstract void WriteFrame(Stream file, Frame frame, TimeSpan start, TimeSpan end);

    /// <summary>Writes what stands behind the last frame, or can be known only then.</summary>
    protected abstract void Finish(Stream file);

    /// <summary>Refuses a first frame that the format cannot hold.</summary>
    protected void CheckLimit(Frame frame, int largestSide, string format)
    {
        if (frame.Width > largestSide || frame.Height > largestSide)
        {
            throw new ArgumentException($"{format} holds at most {largestSide} x {largestSide} pixels; frame {frame.Id} for '{_path}' is {frame.Width} x {frame.Height}.", nameof(frame));
        }
    }

    private void Encode(FileStream file, Frame frame, Frame? next)
    {
        (TimeSpan start, TimeSpan end) = _clock.Place(frame, next);
        WriteFrame(file, frame, start, end);
        Count++;
    }

    private void CheckSize(Frame frame, Frame previous)
    {
        if ((frame.Width, frame.Height) != (previous.Width, previous.Height))
        {
            throw new ArgumentException($"All frames of '{_path}' must be {previous.Width} x {previous.Height}; frame {frame.Id} is {frame.Width} x {frame.Height}.", nameof(frame));
        }
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
        _closed = true;
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
