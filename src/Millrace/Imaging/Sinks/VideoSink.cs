using System.Diagnostics;
using System.Globalization;

namespace Millrace.Imaging.Sinks;

/// <summary>A video file, encoded by the installed ffmpeg; the extension names the container.</summary>
public sealed class VideoSink : IFrameSink
{
    private readonly string _path;
    private readonly string _temporary;
    private readonly FrameSinkOptions _options;
    private readonly FrameClock _clock;
    private readonly List<string> _complaints = [];
    private Process? _ffmpeg;
    private Frame? _pending;
    private double _framesPerSecond;
    private bool _interrupted;
    private long _slots; // equal spans of time filled so far

    /// <summary>Prepares an output.</summary>
    /// <param name="path">The file; replaced where it exists.</param>
    /// <param name="options">Pace. Without one the first frame's duration is that of all, and a frame that lasts longer is repeated.</param>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public VideoSink(string path, FrameSinkOptions options)
    {
        FFmpeg.EnsureInstalled();
        (_path, _options, _clock) = (path, options, new FrameClock(options.FramesPerSecond));
        string extension = Path.GetExtension(path);
        _temporary = Path.GetFullPath(Path.ChangeExtension(path, ".partial" + extension)); // ffmpeg too reads the container off the extension
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
    {
        if (_pending is { } previous)
        {
            if ((frame.Width, frame.Height) != (previous.Width, previous.Height))
            {
                throw new ArgumentException($"All frames of '{_path}' must be {previous.Width} x {previous.Height}; frame {frame.Id} is {frame.Width} x {frame.Height}.", nameof(frame));
            }

            await ShowAsync(previous, frame, cancellationToken);
        }

        _pending = frame;
    }

    /// <inheritdoc/>
    public async ValueTask CompleteAsync(CancellationToken cancellationToken = default)
    {
        if (_pending is { } last)
        {
            await ShowAsync(last, null, cancellationToken);
            _pending = null;
            if (!_interrupted)
            {
                await EndAsync(_ffmpeg!, cancellationToken);
            }

            File.Move(_temporary, _path, overwrite: true);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_ffmpeg is { } ffmpeg)
        {
            ffmpeg.Kill(entireProcessTree: true); // of one that has ended, nothing
            await ffmpeg.WaitForExitAsync();
            ffmpeg.Dispose();
            _ffmpeg = null;
        }

        File.Delete(_temporary);
    }

    /// <summary>Puts a frame into as many slots as it lasts, at least one.</summary>
    private async ValueTask ShowAsync(Frame frame, Frame? next, CancellationToken cancellationToken)
    {
        (TimeSpan start, TimeSpan end) = _clock.Place(frame, next);
        if (_ffmpeg is null)
        {
            _framesPerSecond = _options.FramesPerSecond ?? 1 / (end - start).TotalSeconds;
            _ffmpeg = Process.Start(Encoder(frame.Width, frame.Height))!;
            _ffmpeg.ErrorDataReceived += (_, line) => _complaints.Add(line.Data ?? "");
            _ffmpeg.BeginErrorReadLine();
        }

        if (_interrupted)
        {
            return; // the frames until then are the video
        }

        long until = Math.Max(_slots + 1, (long)Math.Round(end.TotalSeconds * _framesPerSecond));
        try
        {
            for (; _slots < until; _slots++)
            {
                await _ffmpeg.StandardInput.BaseStream.WriteAsync(frame.Rgb, cancellationToken);
            }
        }
        catch (IOException) when (!cancellationToken.IsCancellationRequested)
        {
            await EndAsync(_ffmpeg, cancellationToken); // throws, but for an interruption
            _interrupted = true;
        }
    }

    private async Task EndAsync(Process ffmpeg, CancellationToken cancellationToken)
    {
        try
        {
            ffmpeg.StandardInput.Close();
        }
        catch (IOException)
        {
            // It no longer listens; its exit code tells why.
        }

        await ffmpeg.WaitForExitAsync(cancellationToken);
        if (ffmpeg.ExitCode != 0 && !FFmpeg.Interrupted(ffmpeg.ExitCode, _complaints))
        {
            throw new IOException($"'{_path}' cannot be written: {FFmpeg.Reason(_complaints)}.");
        }
    }

    private ProcessStartInfo Encoder(int width, int height)
    {
        // Chroma of half the size needs even sides; an odd picture repeats its last row or column.
        (int right, int bottom) = (width % 2, height % 2);
        string[] even = right + bottom == 0 ? [] : ["-vf", $"pad={width + right}:{height + bottom},fillborders=right={right}:bottom={bottom}:mode=smear"];
        return new ProcessStartInfo(
            "ffmpeg",
            [
                "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", $"{width}x{height}",
                "-r", _framesPerSecond.ToString(CultureInfo.InvariantCulture), "-i", "pipe:0", .. even, "-pix_fmt", "yuv420p", _temporary,
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
    }
}
