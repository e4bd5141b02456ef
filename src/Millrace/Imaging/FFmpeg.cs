using System.Text.RegularExpressions;
using FFMpegCore;
using FFMpegCore.Exceptions;

namespace Millrace.Imaging;

/// <summary>The installed ffmpeg, and its failures in one sentence.</summary>
internal static partial class FFmpeg
{
    private const string Executable = "ffmpeg";

    private static bool IsInstalled => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? Executable + ".exe" : Executable)));

    /// <summary>Fails early where ffmpeg is not there.</summary>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public static void EnsureInstalled()
    {
        if (!IsInstalled)
        {
            throw new FFmpegMissingException();
        }
    }

    /// <summary>The path as ffmpeg's command line takes it: absolute, so that no name reads as an option or a protocol.</summary>
    /// <exception cref="ArgumentException">Where the command line would cut the name.</exception>
    public static string PathArgument(string path) => path.Contains('"', StringComparison.Ordinal) || path.EndsWith('\\')
        ? throw new ArgumentException($"The video '{path}' has a quotation mark in its name or a backslash at its end, which ffmpeg's command line cannot hold; rename it.", nameof(path))
        : Path.GetFullPath(path);

    /// <summary>Probes a file.</summary>
    /// <returns>Its first video stream, and how long that lasts: zero where only the whole file tells, sound included.</returns>
    /// <exception cref="InvalidDataException">Where it holds no video that can be decoded.</exception>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public static (VideoStream Video, TimeSpan Duration) Probe(string path)
    {
        EnsureInstalled();
        try
        {
            IMediaAnalysis analysis = FFProbe.Analyse(PathArgument(path));
            VideoStream video = analysis.PrimaryVideoStream ?? throw new InvalidDataException($"'{path}' holds no video stream.");
            return (video, video.Duration > TimeSpan.Zero || analysis.AudioStreams.Count > 0 ? video.Duration : analysis.Duration);
        }
        catch (Exception error) when (Translate(error, path) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>What a failure of ffmpeg on its input means; null for anything that has nothing to do with ffmpeg.</summary>
    public static InvalidDataException? Translate(Exception error, string path) =>
        Reason(error) is { } reason ? new InvalidDataException($"'{path}' is damaged, truncated or no video that ffmpeg can decode: {reason}.", error) : null;

    /// <summary>The first thing that ffmpeg complained about; null where the failure is not one of ffmpeg.</summary>
    public static string? Reason(Exception error)
    {
        if (error is not FFMpegException failure)
        {
            return null;
        }

        IEnumerable<string> lines = failure switch
        {
            FFProbeProcessException probe => probe.StandardError,
            FFMpegProcessException process => process.Result.StandardError,
            _ => [failure.Message],
        };
        return Reason(lines);
    }

    /// <summary>Whether ffmpeg ended because of a signal, and in good order: Ctrl-C reaches every program of a terminal, and whoever started this one ends by it too.</summary>
    public static bool Interrupted(int exitCode, IReadOnlyCollection<string> complaints) => exitCode == 255 && complaints.All(string.IsNullOrEmpty);

    /// <summary>The first complaint among lines of ffmpeg's.</summary>
    public static string Reason(IEnumerable<string> lines) =>
        lines
            .Select(line => Speaker().Replace(line, "").Trim().TrimEnd('.'))
            .FirstOrDefault(line => line.Length > 0 && !line.StartsWith("frame=", StringComparison.Ordinal), "no reason given");

    // "[h264 @ 0x55d0c3]" in front of a line names a part of ffmpeg.
    [GeneratedRegex(@"^\[[^\]]* @ [^\]]*\]")]
    private static partial Regex Speaker();
}
