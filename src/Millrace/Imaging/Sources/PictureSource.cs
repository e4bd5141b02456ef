using System.Runtime.CompilerServices;

namespace Millrace.Imaging.Sources;

/// <summary>A still picture, given once or several times, or an animated GIF or WebP.</summary>
public sealed class PictureSource : IFrameSource
{
    private readonly SkiaDecoder _decoder;
    private readonly FrameSourceOptions _options;

    private PictureSource(SkiaDecoder decoder, FrameSourceOptions options) => (_decoder, _options) = (decoder, options);

    /// <inheritdoc/>
    public int? Count => IsStill ? _options.StillFrames : _decoder.FrameCount;

    /// <inheritdoc/>
    public double? FramesPerSecond => IsStill ? _options.FramesPerSecond : _decoder.FrameCount / Enumerable.Range(0, _decoder.FrameCount).Sum(frame => _decoder.Duration(frame).TotalSeconds);

    private bool IsStill => _decoder.FrameCount == 1;

    /// <summary>Opens a file.</summary>
    /// <exception cref="InvalidDataException">Where it is no picture.</exception>
    public static PictureSource Open(string path, FrameSourceOptions options) => new(SkiaDecoder.Open(PictureLimits.ReadFile(path), path), options);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        TimeSpan timestamp = TimeSpan.Zero;
        for (int id = 0; id < Count; id++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return _decoder.Decode(IsStill ? 0 : id, id, timestamp);
            timestamp += IsStill ? TimeSpan.FromSeconds(1 / _options.FramesPerSecond) : _decoder.Duration(id);
            await Task.Yield();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _decoder.Dispose();
        return ValueTask.CompletedTask;
    }
}
