namespace Millrace.Imaging.Sources;

/// <summary>What a source cannot tell by itself.</summary>
public sealed record FrameSourceOptions
{
    /// <summary>Size of raw frames; needed for a raw stream only.</summary>
    public (int Width, int Height)? RawSize { get; init; }

    /// <summary>Layout of raw frames.</summary>
    public RawFormat RawFormat { get; init; } = RawFormat.Rgb24;

    /// <summary>Frames a second of sources that have no time of their own, such as raw frames and folders; above 0.</summary>
    public double FramesPerSecond { get; init; } = 10;

    /// <summary>Number of frames that a still picture gives; at least 1.</summary>
    public int StillFrames { get; init; } = 1;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        if (RawSize is { } size && (size.Width < 1 || size.Height < 1 || (long)size.Width * size.Height > PictureLimits.Pixels))
        {
            throw new ArgumentOutOfRangeException(nameof(RawSize), $"RawSize must be at least 1 x 1 and hold at most {PictureLimits.Pixels} pixels, got {size.Width} x {size.Height}.");
        }

        if (!(FramesPerSecond > 0 && FramesPerSecond <= 1000))
        {
            throw new ArgumentOutOfRangeException(nameof(FramesPerSecond), $"FramesPerSecond must be above 0 and at most 1000, got {FramesPerSecond}.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(StillFrames, 1);
    }
}
