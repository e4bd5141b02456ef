using System.Collections.Concurrent;
using FFMpegCore;
using FFMpegCore.Enums;
using FFMpegCore.Pipes;

namespace Millrace.Imaging.Sinks;

/// <summary>A video file, encoded by the installed ffmpeg; the extension names the container.</summary>
public sealed class VideoSink : IFrameSink
{
    private const int FramesAhead = 4;

    private readonly string _path;
    private readonly string _temporary;
    private readonly FrameSinkOptions _options;
    private readonly FrameClock _clock;
    private readonly BlockingCollection<Frame> _frames = new(FramesAhead);
    private readonly CancellationTokenSource _abandon = new();
    private Task? _encoding;
    private Frame? _pending;
    private double _framesPerSecond;
    private long _slots; // equal spans of time filled so far

    /// <summary>Prepares an output.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="options">Pace. Without one the first frame's duration is that of all, and a frame that lasts longer is repeated.</param>
    /// <exception cref="ArgumentException">Where ffmpeg's command line cannot hold the name.</exception>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public VideoSink(string path, FrameSinkOptions options)
    {
        FFmpeg.EnsureInstalled();
        (_path, _options, _clock) = (path, options, new FrameClock(options.FramesPerSecond));
        string extension = Path.GetExtension(path);
        _temporary = FFmpeg.PathArgument(Path.ChangeExtension(path, ".partial" + extension)); // ffmpeg too reads the container off the extension
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        if (_pending is { } previous)
        {
            if ((frame.Width, frame.Height) != (previous.Width, previous.Height))
            {
                throw new ArgumentException($"All frames of '{_path}' must be {previous.Width} x {previous.Height}; frame {frame.Id} is {frame.Width} x {frame.Height}.", nameof(frame));
            }

            Show(previous, frame, cancellationToken);
        }

        _pending = frame;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (_pending is { } last && !_frames.IsAddingCompleted)
        {
            Show(last, null, cancellationToken);
            _frames.CompleteAdding();
            await _encoding!;
            File.Move(_temporary, _path, overwrite: true);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _abandon.CancelAsync();
        if (_encoding is { } encoding)
        {
            await Task.WhenAny(encoding);
        }

        File.Delete(_temporary);
        _frames.Dispose();
        _abandon.Dispose();
    }

    /// <summary>Puts a frame into as many slots as it lasts, at least one.</summary>
    private void Show(Frame frame, Frame? next, CancellationToken cancellationToken)
    {
        (TimeSpan start, TimeSpan end) = _clock.Place(frame, next);
        if (_encoding is null)
        {
            _framesPerSecond = _options.FramesPerSecond ?? 1 / (end - start).TotalSeconds;
            _encoding = Task.Run(() => EncodeAsync(frame.Width, frame.Height), CancellationToken.None);
        }

        long until = Math.Max(_slots + 1, (long)Math.Round(end.TotalSeconds * _framesPerSecond));
        for (; _slots < until; _slots++)
        {
            Enqueue(frame, _encoding, cancellationToken);
        }
    }

    private void Enqueue(Frame frame, Task encoding, CancellationToken cancellationToken)
    {
        while (!_frames.TryAdd(frame, millisecondsTimeout: 100, cancellationToken))
        {
            if (encoding.IsCompleted)
            {
                encoding.GetAwaiter().GetResult();
                throw new IOException($"'{_path}' cannot be written: ffmpeg ended early.");
            }
        }
    }

    private async Task EncodeAsync(int width, int height)
    {
        try
        {
            // Chroma of half the size needs even sides; an odd picture repeats its last row or column.
            (int right, int bottom) = (width % 2, height % 2);
            string even = right + bottom == 0 ? "" : $" -vf pad={width + right}:{height + bottom},fillborders=right={right}:bottom={bottom}:mode=smear";
            await FFMpegArguments
                .FromPipeInput(new RawVideoPipeSource(_frames.GetConsumingEnumerable(_abandon.Token).Select(frame => new RawFrame(frame))) { FrameRate = _framesPerSecond })
                .OutputToFile(_temporary, overwrite: true, options => options.WithCustomArgument("-pix_fmt yuv420p" + even))
                .WithLogLevel(FFMpegLogLevel.Error)
                .ProcessAsynchronously(throwOnError: true, cancellationToken: _abandon.Token);
        }
        catch (Exception error) when (FFmpeg.Reason(error) is { } reason)
        {
            throw new IOException($"'{_path}' cannot be written: {reason}.", error);
        }
    }

    private sealed class RawFrame(Frame frame) : IVideoFrame
    {
        public int Width => frame.Width;

        public int Height => frame.Height;

        public string PixelFormat => "rgb24";

        public void Serialize(Stream pipe) => pipe.Write(frame.Rgb);

        public Task SerializeAsync(Stream pipe, CancellationToken token) => pipe.WriteAsync(frame.Rgb, token).AsTask();
    }
}
