using Millrace.Models.Layers;

namespace Millrace.Models.TextEncoders;

/// <summary>Shape of a <see cref="ClipTextModel"/>; the defaults are those of the encoder of Stable Diffusion 1.x (CLIP ViT-L/14). The names are those of a transformers <c>config.json</c>.</summary>
public sealed record ClipTextOptions
{
    /// <summary>Number of tokens.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Width of the hidden states.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Width inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Number of attention heads; divides the width.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Number of positions, start and end included; at least 3.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>Whether the nonlinearity is x sigmoid(1.702 x) (CLIP), not the exact GELU (OpenCLIP).</summary>
    public bool QuickGelu { get; init; } = true;

    /// <summary>Added to the variance in the layer normalizations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>Width of the projected text embedding; null where the model has no projection.</summary>
    public int? ProjectionDim { get; init; }

    /// <summary>Id that closes a text: the pooled state is read where it first stands.</summary>
    public int EosTokenId { get; init; } = 49407;

    internal ClipLayerOptions Layer => new(HiddenSize, IntermediateSize, NumAttentionHeads, LayerNormEps, QuickGelu, IsCausal: true);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(VocabSize);
        OptionCheck.Positive(HiddenSize);
        OptionCheck.Positive(IntermediateSize);
        OptionCheck.Layers(NumHiddenLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(LayerNormEps);
        OptionCheck.Positive(ProjectionDim ?? 1, nameof(ProjectionDim));
        OptionCheck.Divisible([HiddenSize], [NumAttentionHeads], nameof(HiddenSize));
        if (MaxPositionEmbeddings < 3)
        {
            throw new ArgumentOutOfRangeException(nameof(MaxPositionEmbeddings), $"{nameof(MaxPositionEmbeddings)} must be at least 3, got {MaxPositionEmbeddings}.");
        }
    }
}
