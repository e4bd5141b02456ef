namespace Millrace.Imaging.Sinks;

/// <summary>How frames are written.</summary>
public sealed record FrameSinkOptions
{
    /// <summary>A steady pace, above 0; null shows every frame as long as its timestamps say.</summary>
    public double? FramesPerSecond { get; init; }

    /// <summary>Quality of lossy formats, 0..100; 100 is lossless where the format can be.</summary>
    public int Quality { get; init; } = 90;

    /// <summary>The source's path; an output onto it is refused. Null where the source is no file.</summary>
    public string? SourcePath { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        if (FramesPerSecond is { } pace && !(pace > 0 && pace <= 1000))
        {
            throw new ArgumentOutOfRangeException(nameof(FramesPerSecond), $"FramesPerSecond must be above 0 and at most 1000, got {pace}.");
        }

        if (Quality is < 0 or > 100)
        {
            throw new ArgumentOutOfRangeException(nameof(Quality), $"Quality must be in 0..100, got {Quality}.");
        }
    }
}
