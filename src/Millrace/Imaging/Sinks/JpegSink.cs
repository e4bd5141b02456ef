using SkiaSharp;

namespace Millrace.Imaging.Sinks;

/// <summary>One JPEG: of a stream, its last frame.</summary>
/// <param name="path">The file.</param>
/// <param name="options">Quality.</param>
public sealed class JpegSink(string path, FrameSinkOptions options) : FileSink(path, options)
{
    private const int LargestSide = 65500; // of the codec

    private readonly int _quality = options.Quality;

    /// <inheritdoc/>
    protected override void WriteFrame(Stream file, Frame frame, TimeSpan start, TimeSpan end)
    {
        CheckLimit(frame, LargestSide, "JPEG");
        using SKBitmap bitmap = SkiaFrames.ToBitmap(frame);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, _quality);
        file.SetLength(0);
        data.SaveTo(file);
    }

    /// <inheritdoc/>
    protected override void Finish(Stream file)
    {
    }
}
