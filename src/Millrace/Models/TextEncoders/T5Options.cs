namespace Millrace.Models.TextEncoders;

/// <summary>Shape of a <see cref="T5EncoderModel"/>; the names are those of a transformers <c>config.json</c>, the defaults those of T5 v1.1 XXL.</summary>
public sealed record T5Options
{
    /// <summary>Number of tokens known.</summary>
    public int VocabSize { get; init; } = 32128;

    /// <summary>Width of the hidden states.</summary>
    public int DModel { get; init; } = 4096;

    /// <summary>Width of a head.</summary>
    public int DKv { get; init; } = 64;

    /// <summary>Width between the feed-forward layers.</summary>
    public int DFf { get; init; } = 10240;

    /// <summary>Number of layers.</summary>
    public int NumLayers { get; init; } = 24;

    /// <summary>Number of heads.</summary>
    public int NumHeads { get; init; } = 64;

    /// <summary>Classes of distance between tokens; even, at least 4.</summary>
    public int RelativeAttentionNumBuckets { get; init; } = 32;

    /// <summary>Distance from which all fall into the last class.</summary>
    public int RelativeAttentionMaxDistance { get; init; } = 128;

    /// <summary>Added to the mean square in every normalization; above 0.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>Whether the feed-forward layers are gated by a GELU (v1.1), and not a plain ReLU.</summary>
    public bool GatedGelu { get; init; } = true;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(VocabSize);
        OptionCheck.Positive(DModel);
        OptionCheck.Positive(DKv);
        OptionCheck.Positive(DFf);
        OptionCheck.Layers(NumLayers);
        OptionCheck.Positive(NumHeads);
        OptionCheck.Positive(LayerNormEpsilon);
        OptionCheck.Divisible([RelativeAttentionNumBuckets], [4], nameof(RelativeAttentionNumBuckets));
        OptionCheck.Positive(RelativeAttentionNumBuckets);
        if (RelativeAttentionMaxDistance <= RelativeAttentionNumBuckets / 4)
        {
            throw new ArgumentOutOfRangeException(
                nameof(RelativeAttentionMaxDistance), $"{nameof(RelativeAttentionMaxDistance)} must be above {RelativeAttentionNumBuckets / 4}, got {RelativeAttentionMaxDistance}.");
        }
    }
}
