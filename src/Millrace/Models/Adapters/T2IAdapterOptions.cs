namespace Millrace.Models.Adapters;

/// <summary>Shape of a <see cref="T2IAdapterModel"/>; the defaults are those for Stable Diffusion 1.x.</summary>
public sealed record T2IAdapterOptions
{
    /// <summary>Which of the shapes.</summary>
    public T2IAdapterKind Kind { get; init; } = T2IAdapterKind.Full;

    /// <summary>Channels of the picture: 3, or 1 for what is grey.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Widths of the features.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Residual blocks of each width.</summary>
    public int ResidualBlocks { get; init; } = 2;

    /// <summary>Side of the picture over side of the first feature.</summary>
    public int DownscaleFactor { get; init; } = 8;

    /// <summary>Width of each feature.</summary>
    public IReadOnlyList<int> FeatureWidths => Kind == T2IAdapterKind.Light ? [.. Channels, Channels[^1]] : Channels;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(Channels);
        OptionCheck.Layers(ResidualBlocks);
        OptionCheck.Positive(DownscaleFactor);
        OptionCheck.Positive((long)InChannels * DownscaleFactor * DownscaleFactor, nameof(DownscaleFactor));
        if (Kind == T2IAdapterKind.Light)
        {
            OptionCheck.Divisible(Channels, [.. Channels.Select(_ => T2IAdapterModel.Narrowing)]);
        }
    }
}
