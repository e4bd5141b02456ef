using System.Collections.Concurrent;
using FFMpegCore;
using FFMpegCore.Pipes;

namespace Millrace.Imaging.Sinks;

/// <summary>A video file, encoded by the installed ffmpeg; the extension names the container.</summary>
public sealed class VideoSink : IFrameSink
{
    private const int FramesAhead = 4;

    private readonly string _path;
    private readonly string _temporary;
    private readonly FrameSinkOptions _options;
    private readonly BlockingCollection<Frame> _frames = new(FramesAhead);
    private readonly CancellationTokenSource _abandon = new();
    private Task? _encoding;
    private (int Width, int Height) _size;

    /// <summary>Prepares an output.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="options">Pace.</param>
    public VideoSink(string path, FrameSinkOptions options)
    {
        (_path, _options) = (path, options);
        string extension = Path.GetExtension(path);
        _temporary = Path.ChangeExtension(path, ".partial" + extension); // ffmpeg too reads the container off the extension
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        if (_encoding is not null && (frame.Width, frame.Height) != _size)
        {
            throw new ArgumentException($"All frames of '{_path}' must be {_size.Width} x {_size.Height}; frame {frame.Id} is {frame.Width} x {frame.Height}.", nameof(frame));
        }

        _size = (frame.Width, frame.Height);
        _encoding ??= Task.Run(EncodeAsync, CancellationToken.None);
        while (!_frames.TryAdd(frame, millisecondsTimeout: 100, cancellationToken))
        {
            if (_encoding.IsCompleted)
            {
                _encoding.GetAwaiter().GetResult();
                throw new IOException($"'{_path}' cannot be written: ffmpeg ended early.");
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (_encoding is not null && !_frames.IsAddingCompleted)
        {
            _frames.CompleteAdding();
            await _encoding;
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

    private async Task EncodeAsync()
    {
        try
        {
            // Chroma of half the size needs even sides; an odd picture loses its last row or column.
            string even = _size.Width % 2 == 0 && _size.Height % 2 == 0 ? "" : " -vf crop=trunc(iw/2)*2:trunc(ih/2)*2";
            await FFMpegArguments
                .FromPipeInput(new RawVideoPipeSource(_frames.GetConsumingEnumerable(_abandon.Token).Select(frame => new RawFrame(frame))) { FrameRate = _options.FramesPerSecond })
                .OutputToFile(_temporary, overwrite: true, options => options.WithCustomArgument("-pix_fmt yuv420p" + even))
                .ProcessAsynchronously(throwOnError: true, cancellationToken: _abandon.Token);
        }
        catch (Exception error) when (FFmpeg.Translate(error, _path) is { } translated)
        {
            throw translated is FFmpegMissingException ? translated : new IOException($"'{_path}' cannot be written: {error.Message}", error);
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
