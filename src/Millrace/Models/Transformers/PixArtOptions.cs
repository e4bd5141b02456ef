using Millrace.Models.Layers;

namespace Millrace.Models.Transformers;

/// <summary>Shape of a <see cref="PixArtTransformer2DModel"/>; the defaults are those of PixArt-alpha for pictures of 512 x 512.</summary>
public sealed record PixArtOptions
{
    /// <summary>Channels of x_t.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the output: the prediction, and in most checkpoints as many that tell the variance.</summary>
    public int OutChannels { get; init; } = 8;

    /// <summary>Side of the square latents that the network was trained on.</summary>
    public int SampleSize { get; init; } = 64;

    /// <summary>Side of a patch.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Number of layers.</summary>
    public int NumLayers { get; init; } = 28;

    /// <summary>Number of heads.</summary>
    public int NumAttentionHeads { get; init; } = 16;

    /// <summary>Width of a head.</summary>
    public int AttentionHeadDim { get; init; } = 72;

    /// <summary>Width of the text that attention reads; that of the tokens where the text is projected.</summary>
    public int CrossAttentionDim { get; init; } = 1152;

    /// <summary>Width of the text's hidden states, which two layers project; null where they are taken as they are.</summary>
    public int? CaptionChannels { get; init; } = 4096;

    /// <summary>Whether the projections of query, key and value have a bias.</summary>
    public bool AttentionBias { get; init; } = true;

    /// <summary>Whether attention is computed in float32.</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>Nonlinearity of the feed-forward layers; null for a gated one.</summary>
    public Activation? FeedForward { get; init; } = Activation.TanhGelu;

    /// <summary>Added to the variance in the layers' normalizations; above 0.</summary>
    public double NormEps { get; init; } = 1e-6;

    /// <summary>Whether the layers' normalizations have weights.</summary>
    public bool NormElementwiseAffine { get; init; }

    /// <summary>What places are divided by; above 0.</summary>
    public double InterpolationScale { get; init; } = 1;

    /// <summary>Whether the picture's size and aspect ratio enter the network (PixArt-alpha for 1024 x 1024).</summary>
    public bool UseAdditionalConditions { get; init; }

    /// <summary>In what the network differs from this architecture: layers removed, heads and channels left out.</summary>
    public StructureChanges Changes { get; init; } = StructureChanges.None;

    /// <summary>Width of the tokens.</summary>
    public int Width => NumAttentionHeads * AttentionHeadDim;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(OutChannels);
        OptionCheck.Positive(SampleSize);
        OptionCheck.Positive(PatchSize);
        OptionCheck.Layers(NumLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(AttentionHeadDim);
        OptionCheck.Positive(CrossAttentionDim);
        OptionCheck.Positive(CaptionChannels ?? 1, nameof(CaptionChannels));
        OptionCheck.Positive(NormEps);
        OptionCheck.Positive(InterpolationScale);
        OptionCheck.Divisible([Width], [UseAdditionalConditions ? 12 : 4], nameof(Width));
        if (CaptionChannels is not null && CrossAttentionDim != Width)
        {
            throw new ArgumentException($"{nameof(CrossAttentionDim)} must be {Width}, the width that the text is projected to, got {CrossAttentionDim}.", nameof(CrossAttentionDim));
        }
    }
}
