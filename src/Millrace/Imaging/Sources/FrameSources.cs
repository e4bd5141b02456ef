namespace Millrace.Imaging.Sources;

/// <summary>Opens sources by what they hold, whatever they are called.</summary>
public static class FrameSources
{
    private const int ProbeLength = 512;

    /// <summary>Opens a source.</summary>
    /// <param name="path">A picture, an animation, a video, a tar archive or a folder of pictures, or "-" for raw frames on standard input.</param>
    /// <param name="options">What the source cannot tell; null means the defaults.</param>
    /// <exception cref="FileNotFoundException">Where there is nothing at <paramref name="path"/>.</exception>
    /// <exception cref="InvalidDataException">Where the content is of no known kind.</exception>
    /// <exception cref="ArgumentException">Where an option is missing or not valid.</exception>
    /// <exception cref="FFmpegMissingException">Where the file is a video and ffmpeg is not installed.</exception>
    public static IFrameSource Open(string path, FrameSourceOptions? options = null)
    {
        options ??= new FrameSourceOptions();
        options.Validate();
        if (path == "-")
        {
            return new RawSource(Console.OpenStandardInput(), "standard input", options);
        }

        if (Directory.Exists(path))
        {
            return new FolderSource(path, options.FramesPerSecond);
        }

        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no file or folder '{path}'.", path);
        }

        return MediaKinds.Of(Probe(path)) switch
        {
            MediaKind.Png when AnimatedPngSource.IsAnimated(path) => new AnimatedPngSource(path),
            MediaKind.Png or MediaKind.Picture or MediaKind.Animation => PictureSource.Open(path, options),
            MediaKind.Tar => new TarSource(path, options.FramesPerSecond),
            MediaKind.Video => VideoSource.Open(path),
            _ => throw new InvalidDataException(
                $"'{path}' holds no picture, animation or video that is known: {Describe(path)}. Known are PNG, JPEG, WebP, GIF, BMP, tar archives of pictures, and with ffmpeg MP4, MOV, MKV, WebM, AVI, MPEG, FLV and Ogg."),
        };
    }

    private static byte[] Probe(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var bytes = new byte[ProbeLength];
        return bytes[..stream.ReadAtLeast(bytes, ProbeLength, throwOnEndOfStream: false)];
    }

    private static string Describe(string path)
    {
        byte[] start = Probe(path);
        return start.Length == 0 ? "it is empty"
            : start.All(value => value is 9 or 10 or 13 or (>= 32 and < 127)) ? "it is a text file"
            : $"it begins with {Convert.ToHexString(start.AsSpan(0, Math.Min(8, start.Length)))}";
    }
}
