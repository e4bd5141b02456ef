namespace Millrace.Imaging.Sinks;

/// <summary>Creates sinks by the extension of their name.</summary>
public static class FrameSinks
{
    private const string Allowed = ".webp, .gif, .png and .apng (animated), .jpg (the last frame), .mp4, .mkv, .webm and .mov (with ffmpeg), a folder name that ends in '/', or '-' for raw RGB on standard output";

    /// <summary>Creates a sink.</summary>
    /// <param name="path">Where to; its extension names the format.</param>
    /// <param name="options">How; null means the defaults.</param>
    /// <exception cref="ArgumentException">Where the extension is not known, or the output would overwrite its own input.</exception>
    /// <exception cref="FFmpegMissingException">Where a video is asked for and ffmpeg is not installed.</exception>
    /// <exception cref="DirectoryNotFoundException">Where the folder of the file does not exist.</exception>
    public static IFrameSink Create(string path, FrameSinkOptions? options = null)
    {
        options ??= new FrameSinkOptions();
        options.Validate();
        if (path == "-")
        {
            return new RawSink(Console.OpenStandardOutput(), "standard output");
        }

        if (options.SourcePath is { } source && SamePlace(source, path))
        {
            throw new ArgumentException($"The output '{path}' is the input itself; name another file.", nameof(path));
        }

        if (path.EndsWith('/') || path.EndsWith(Path.DirectorySeparatorChar) || Directory.Exists(path))
        {
            return new FolderSink(path);
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"The folder '{folder}' of the output does not exist.");
        }

        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".webp" => new AnimatedWebPSink(path, options),
            ".png" or ".apng" => new AnimatedPngSink(path, options),
            ".gif" => new AnimatedGifSink(path, options),
            ".jpg" or ".jpeg" => new JpegSink(path, options),
            ".mp4" or ".mkv" or ".webm" or ".mov" => new VideoSink(path, options),
            string other => throw new ArgumentException($"The extension '{other}' of the output '{path}' is not known; allowed are {Allowed}.", nameof(path)),
        };
    }

    private static bool SamePlace(string first, string second) =>
        first != "-" && Path.Exists(first) && Path.Exists(second) && string.Equals(RealPath(first), RealPath(second), StringComparison.Ordinal);

    // The path without links, whether it is itself one or lies below one.
    private static string RealPath(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } parent)
        {
            return full;
        }

        return File.ResolveLinkTarget(full, returnFinalTarget: true) is { } target
            ? RealPath(target.FullName)
            : Path.Combine(RealPath(parent), Path.GetFileName(full));
    }
}
