namespace Millrace.Models.Transformers;

/// <summary>Shape of a <see cref="LuminaNextDiT2DModel"/>; the defaults are those of diffusers.</summary>
public sealed record LuminaOptions
{
    /// <summary>Channels of x_t.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Side of the square latents that the network was trained on.</summary>
    public int SampleSize { get; init; } = 128;

    /// <summary>Side of a patch.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Width of the tokens.</summary>
    public int HiddenSize { get; init; } = 2304;

    /// <summary>Number of layers.</summary>
    public int NumLayers { get; init; } = 32;

    /// <summary>Number of heads of queries; the width of a head is divisible by 4.</summary>
    public int NumAttentionHeads { get; init; } = 32;

    /// <summary>Number of heads of keys and values; divides that of queries.</summary>
    public int NumKeyValueHeads { get; init; } = 32;

    /// <summary>What the width of the feed-forward layers is rounded up to a multiple of.</summary>
    public int MultipleOf { get; init; } = 256;

    /// <summary>Multiplies the width of the feed-forward layers; above 0.</summary>
    public double FeedForwardMultiplier { get; init; } = 1;

    /// <summary>Added to the mean square in the layers' normalizations; above 0.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Whether the output holds as many channels again, which are not used.</summary>
    public bool LearnsSigma { get; init; } = true;

    /// <summary>Whether queries and keys are normalized over all heads together.</summary>
    public bool NormalizesQueriesAndKeys { get; init; } = true;

    /// <summary>Width of the text's hidden states.</summary>
    public int CrossAttentionDim { get; init; } = 2048;

    /// <summary>Channels of the output.</summary>
    public int OutChannels => LearnsSigma ? 2 * InChannels : InChannels;

    /// <summary>Width of the conditioning.</summary>
    public int ConditionWidth => Math.Min(HiddenSize, 1024);

    /// <summary>Width between the feed-forward layers: two thirds of four times the width, times the multiplier, rounded up.</summary>
    public int FeedForwardWidth
    {
        get
        {
            int width = (int)(FeedForwardMultiplier * (2 * (4 * HiddenSize) / 3));
            return MultipleOf * ((width + MultipleOf - 1) / MultipleOf);
        }
    }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(SampleSize);
        OptionCheck.Positive(PatchSize);
        OptionCheck.Positive(HiddenSize);
        OptionCheck.Layers(NumLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(NumKeyValueHeads);
        OptionCheck.Positive(MultipleOf);
        OptionCheck.Positive(FeedForwardMultiplier);
        OptionCheck.Positive(NormEps);
        OptionCheck.Positive(CrossAttentionDim);
        OptionCheck.Divisible([HiddenSize], [4 * NumAttentionHeads], nameof(HiddenSize));
        OptionCheck.Divisible([NumAttentionHeads], [NumKeyValueHeads], nameof(NumAttentionHeads));
    }
}
