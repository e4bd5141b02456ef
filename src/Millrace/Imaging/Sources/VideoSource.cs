using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FFMpegCore;

namespace Millrace.Imaging.Sources;

/// <summary>The frames of a video file, decoded by the installed ffmpeg.</summary>
public sealed partial class VideoSource : IFrameSource
{
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
        // Over its own standard output: what ffmpeg has written stays readable after it has ended, however slow the reader.
        using Process ffmpeg = Process.Start(Decoder())!;
        var complaints = new List<string>();
        TimeSpan decoded = TimeSpan.Zero;
        ffmpeg.ErrorDataReceived += (_, line) => Note(line.Data, complaints, ref decoded);
        ffmpeg.BeginErrorReadLine();
        try
        {
            long count = 0;
            while (await ReadFrameAsync(ffmpeg.StandardOutput.BaseStream, cancellationToken) is { } rgb)
            {
                yield return new Frame(count, TimeSpan.FromSeconds(count / _framesPerSecond), _width, _height, rgb);
                count++;
            }

            await ffmpeg.WaitForExitAsync(cancellationToken);
            Check(ffmpeg.ExitCode, count, decoded, complaints);
        }
        finally
        {
            ffmpeg.Kill(entireProcessTree: true); // of one that has ended, nothing
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ProcessStartInfo Decoder() => new("ffmpeg")
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        ArgumentList =
        {
            "-nostdin", "-loglevel", "error", "-progress", "pipe:2", "-i", Path.GetFullPath(_path),
            "-map", "0:v:0", "-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-xerror", "pipe:1",
        },
    };

    private async ValueTask<byte[]?> ReadFrameAsync(Stream stream, CancellationToken cancellationToken)
    {
        var rgb = new byte[3 * _width * _height];
        return await stream.ReadAtLeastAsync(rgb, rgb.Length, throwOnEndOfStream: false, cancellationToken) == rgb.Length ? rgb : null;
    }

    /// <summary>Takes in a line of ffmpeg's: "key=value" tells its progress, anything else is a complaint.</summary>
    private static void Note(string? line, List<string> complaints, ref TimeSpan decoded)
    {
        const string Time = "out_time_us=";
        if (line is null)
        {
            return;
        }

        if (line.StartsWith(Time, StringComparison.Ordinal) && long.TryParse(line.AsSpan(Time.Length), CultureInfo.InvariantCulture, out long microseconds))
        {
            decoded = TimeSpan.FromMicroseconds(microseconds);
        }
        else if (!Progress().IsMatch(line))
        {
            complaints.Add(line);
        }
    }

    private void Check(int exitCode, long count, TimeSpan decoded, List<string> complaints)
    {
        if (FFmpeg.Interrupted(exitCode, complaints))
        {
            return;
        }

        if (exitCode != 0)
        {
            throw new InvalidDataException($"'{_path}' is damaged, truncated or no video that ffmpeg can decode: {FFmpeg.Reason(complaints)}.");
        }

        if (count == 0)
        {
            throw new InvalidDataException($"'{_path}' holds no frame.");
        }

        // Some containers end early without an error. Time tells it where a count of frames would not: frames may last differently long.
        if (decoded < (0.9 * _duration) - TimeSpan.FromSeconds(2 / _framesPerSecond))
        {
            throw new InvalidDataException($"'{_path}' is truncated: {decoded.TotalSeconds:F1} of {_duration.TotalSeconds:F1} seconds could be decoded.");
        }
    }

    [GeneratedRegex("^[a-z0-9_]+=")]
    private static partial Regex Progress();
}
