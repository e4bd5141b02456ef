using Millrace.Models.Layers;

namespace Millrace.Models.ImageEncoders;

/// <summary>Shape of a <see cref="ClipVisionModel"/>; the defaults are those of CLIP ViT-L/14. The names are those of a transformers <c>config.json</c>.</summary>
public sealed record ClipVisionOptions
{
    /// <summary>Width of the hidden states.</summary>
    public int HiddenSize { get; init; } = 1024;

    /// <summary>Width inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 4096;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 24;

    /// <summary>Number of attention heads; divides the width.</summary>
    public int NumAttentionHeads { get; init; } = 16;

    /// <summary>Channels of the picture.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>Side of the square pictures that it takes, in pixels; at least <see cref="PatchSize"/>.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Side of the square patches that become tokens, in pixels.</summary>
    public int PatchSize { get; init; } = 14;

    /// <summary>Whether the nonlinearity is x sigmoid(1.702 x) (CLIP), not the exact GELU (OpenCLIP).</summary>
    public bool QuickGelu { get; init; } = true;

    /// <summary>Added to the variance in the layer normalizations.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>Width of the projected embedding; null where the model has no projection.</summary>
    public int? ProjectionDim { get; init; } = 768;

    /// <summary>Tokens of a picture: one for each whole patch, and one for all.</summary>
    public int Tokens => (ImageSize / PatchSize * (ImageSize / PatchSize)) + 1;

    internal ClipLayerOptions Layer => new(HiddenSize, IntermediateSize, NumAttentionHeads, LayerNormEps, QuickGelu, IsCausal: false);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(HiddenSize);
        OptionCheck.Positive(IntermediateSize);
        OptionCheck.Layers(NumHiddenLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(NumChannels);
        OptionCheck.Positive(PatchSize);
        OptionCheck.Positive(LayerNormEps);
        OptionCheck.Positive(ProjectionDim ?? 1, nameof(ProjectionDim));
        OptionCheck.Divisible([HiddenSize], [NumAttentionHeads], nameof(HiddenSize));
        if (ImageSize < PatchSize || ImageSize > LargestImage)
        {
            throw new ArgumentOutOfRangeException(nameof(ImageSize), $"{nameof(ImageSize)} must be from {nameof(PatchSize)}, {PatchSize}, to {LargestImage}, got {ImageSize}.");
        }
    }

    // The largest published ones take 448; every token attends to every other.
    private const int LargestImage = 4096;
}
