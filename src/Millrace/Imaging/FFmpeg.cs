using FFMpegCore;
using FFMpegCore.Exceptions;

namespace Millrace.Imaging;

/// <summary>The installed ffmpeg, and its failures in one sentence.</summary>
internal static class FFmpeg
{
    /// <summary>Probes a file.</summary>
    /// <exception cref="InvalidDataException">Where it holds no video that can be decoded.</exception>
    /// <exception cref="FFmpegMissingException">Where ffmpeg is not installed.</exception>
    public static VideoStream Probe(string path, out TimeSpan duration)
    {
        try
        {
            IMediaAnalysis analysis = FFProbe.Analyse(path);
            duration = analysis.Duration;
            return analysis.PrimaryVideoStream ?? throw new InvalidDataException($"'{path}' holds no video stream.");
        }
        catch (Exception error) when (Translate(error, path) is { } translated)
        {
            throw translated;
        }
    }

    /// <summary>What a failure of ffmpeg means; null for anything that has nothing to do with it.</summary>
    public static Exception? Translate(Exception error, string path) => error switch
    {
        InvalidDataException or OperationCanceledException => null,
        _ when !IsInstalled => new FFmpegMissingException(error),
        FFMpegException failure => new InvalidDataException($"'{path}' is damaged, truncated or no video that ffmpeg can decode: {LastLine(failure)}.", error),
        _ => null,
    };

    private static bool IsInstalled => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? "ffmpeg.exe" : "ffmpeg")));

    private static string LastLine(FFMpegException failure) =>
        (failure is FFProbeProcessException { StandardError.Count: > 0 } probe ? string.Join('\n', probe.StandardError) : failure.Message).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault("no reason given").TrimEnd('.');
}
