namespace Millrace.Models.TextEncoders;

/// <summary>Shape of a <see cref="GemmaModel"/>; the names are those of a transformers <c>config.json</c>, the defaults those of Gemma 2B.</summary>
public sealed record GemmaOptions
{
    /// <summary>Number of tokens known.</summary>
    public int VocabSize { get; init; } = 256000;

    /// <summary>Width of the hidden states.</summary>
    public int HiddenSize { get; init; } = 2048;

    /// <summary>Width between the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 16384;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 18;

    /// <summary>Heads of queries.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>Heads of keys and values; divides those of queries.</summary>
    public int NumKeyValueHeads { get; init; } = 1;

    /// <summary>Width of a head; even.</summary>
    public int HeadDim { get; init; } = 256;

    /// <summary>Added to the mean square in every normalization; above 0.</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Base of the rotary frequencies; above 0.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(VocabSize);
        OptionCheck.Positive(HiddenSize);
        OptionCheck.Positive(IntermediateSize);
        OptionCheck.Layers(NumHiddenLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(NumKeyValueHeads);
        OptionCheck.Positive(HeadDim);
        OptionCheck.Positive(RmsNormEps);
        OptionCheck.Positive(RopeTheta);
        OptionCheck.Divisible([NumAttentionHeads], [NumKeyValueHeads], nameof(NumAttentionHeads));
        OptionCheck.Divisible([HeadDim], [2], nameof(HeadDim));
    }
}
