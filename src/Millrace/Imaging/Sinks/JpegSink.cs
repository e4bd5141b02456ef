using SkiaSharp;

namespace Millrace.Imaging.Sinks;

/// <summary>One JPEG: of a stream, its last frame.</summary>
/// <param name="path">The file.</param>
/// <param name="options">Quality.</param>
public sealed class JpegSink(string path, FrameSinkOptions options) : FileSink(path)
{
    /// <inheritdoc/>
    protected override void WriteFrame(Stream file, Frame frame)
    {
        using SKBitmap bitmap = SkiaFrames.ToBitmap(frame);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Jpeg, options.Quality);
        file.SetLength(0);
        data.SaveTo(file);
    }

    /// <inheritdoc/>
    protected override void Finish(Stream file)
    {
    }
}
