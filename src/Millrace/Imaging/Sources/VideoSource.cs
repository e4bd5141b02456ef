using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FFMpegCore;
using FFMpegCore.Enums;
using FFMpegCore.Pipes;

namespace Millrace.Imaging.Sources;

/// <summary>The frames of a video file, decoded by the installed ffmpeg.</summary>
public sealed class VideoSource : IFrameSource
{
    private const int FramesAhead = 4;

    private readonly string _path;
    private readonly int _width;
    private readonly int _height;
    private readonly double _framesPerSecond;
    private readonly TimeSpan _duration; // zero where it is not known

    private VideoSource(string path, int width, int height, double framesPerSecond, TimeSpan duration) =>
        (_path, _width, _height, _framesPerSecond, _duration) = (path, width, height, framesPerSecond, duration);

    /// <summary>Number of frames by duration and mean rate, which may be off by one or two.</summary>
    public int? Count => _duration > TimeSpan.Zero ? Math.Max(1, (int)Math.Round(_duration.TotalSeconds * _framesPerSecond)) : null;

    /// <inheritdoc/>
    public double? FramesPerSecond => _framesPerSecond;

    /// <summary>Opens a video.</summary>
    /// <exception cref="InvalidDataException">Where it holds no video that can be decoded.</exception>
    /// <exception cref="ArgumentException">Where ffmpeg's command line cannot hold the name.</exception>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public static VideoSource Open(string path)
    {
        (VideoStream video, TimeSpan duration) = FFmpeg.Probe(path);
        (int width, int height) = (video.Width ?? 0, video.Height ?? 0);
        PictureLimits.Check(width, height, path);

        // ffmpeg turns frames upright while it decodes.
        bool turned = Math.Abs(video.Rotation) % 180 == 90;
        double rate = double.IsFinite(video.AverageFrameRate) && video.AverageFrameRate > 0 ? video.AverageFrameRate : 25;
        return new VideoSource(path, turned ? height : width, turned ? width : height, rate, duration);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<Frame> frames = Channel.CreateBounded<Frame>(FramesAhead);
        Task decoding = Task.Run(() => DecodeAsync(frames.Writer, stop.Token), CancellationToken.None);
        try
        {
            await foreach (Frame frame in frames.Reader.ReadAllAsync(cancellationToken))
            {
                yield return frame;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await decoding;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task DecodeAsync(ChannelWriter<Frame> frames, CancellationToken cancellationToken)
    {
        long count = 0;
        TimeSpan decoded = TimeSpan.Zero;
        try
        {
            var sink = new StreamPipeSink(async (stream, _) => count = await ReadFramesAsync(stream, frames, cancellationToken));
            await FFMpegArguments
                .FromFileInput(FFmpeg.PathArgument(_path), verifyExists: true)
                .OutputToPipe(sink, options => options.ForceFormat("rawvideo").WithCustomArgument("-map 0:v:0 -pix_fmt rgb24 -fps_mode passthrough -xerror -stats"))
                .NotifyOnProgress(time => decoded = time)
                .WithLogLevel(FFMpegLogLevel.Error)
                .ProcessAsynchronously(throwOnError: true, cancellationToken: cancellationToken);

            // Some containers end early without an error. Time tells it where a count of frames would not: frames may last differently long.
            Exception? problem = count == 0 ? new InvalidDataException($"'{_path}' holds no frame.")
                : decoded < (0.9 * _duration) - TimeSpan.FromSeconds(2 / _framesPerSecond) ? new InvalidDataException(
                    $"'{_path}' is truncated: {decoded.TotalSeconds:F1} of {_duration.TotalSeconds:F1} seconds could be decoded.")
                : null;
            frames.Complete(problem);
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            frames.Complete(FFmpeg.Translate(error, _path) ?? error);
        }
        catch (OperationCanceledException)
        {
            frames.Complete();
        }
    }

    private async Task<long> ReadFramesAsync(Stream stream, ChannelWriter<Frame> frames, CancellationToken cancellationToken)
    {
        int length = 3 * _width * _height;
        for (long id = 0; ; id++)
        {
            var rgb = new byte[length];
            if (await stream.ReadAtLeastAsync(rgb, length, throwOnEndOfStream: false, cancellationToken) < length)
            {
                return id;
            }

            await frames.WriteAsync(new Frame(id, TimeSpan.FromSeconds(id / _framesPerSecond), _width, _height, rgb), cancellationToken);
        }
    }
}
