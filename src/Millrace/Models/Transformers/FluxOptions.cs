namespace Millrace.Models.Transformers;

/// <summary>Shape of a <see cref="FluxTransformer2DModel"/>; the names are those of a diffusers <c>config.json</c>, the defaults those of FLUX.1.</summary>
public sealed record FluxOptions
{
    /// <summary>Width of a token of the picture: 2 x 2 latents of 16 channels in FLUX.1.</summary>
    public int InChannels { get; init; } = 64;

    /// <summary>Side of the patch of the output in tokens; 1 in FLUX.1.</summary>
    public int PatchSize { get; init; } = 1;

    /// <summary>Layers over picture and text side by side.</summary>
    public int NumLayers { get; init; } = 19;

    /// <summary>Layers over picture and text as one.</summary>
    public int NumSingleLayers { get; init; } = 38;

    /// <summary>Number of heads.</summary>
    public int NumAttentionHeads { get; init; } = 24;

    /// <summary>Width of a head.</summary>
    public int AttentionHeadDim { get; init; } = 128;

    /// <summary>Width of the text's hidden states.</summary>
    public int JointAttentionDim { get; init; } = 4096;

    /// <summary>Width of the pooled text.</summary>
    public int PooledProjectionDim { get; init; } = 768;

    /// <summary>Whether the guidance scale enters the network (dev), or not (schnell).</summary>
    public bool GuidanceEmbeds { get; init; }

    /// <summary>Numbers of a head that tell each axis of a token's place; even, and together the width of a head.</summary>
    public IReadOnlyList<int> AxesDimsRope { get; init; } = [16, 56, 56];

    /// <summary>Width of the tokens inside.</summary>
    public int Width => NumAttentionHeads * AttentionHeadDim;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(PatchSize);
        OptionCheck.AtMostLayers(NumLayers);
        OptionCheck.AtMostLayers(NumSingleLayers);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Positive(AttentionHeadDim);
        OptionCheck.Positive(JointAttentionDim);
        OptionCheck.Positive(PooledProjectionDim);
        OptionCheck.Positive(AxesDimsRope);
        OptionCheck.Divisible(AxesDimsRope, [.. AxesDimsRope.Select(_ => 2)]);
        if (AxesDimsRope.Sum() != AttentionHeadDim)
        {
            throw new ArgumentException($"{nameof(AxesDimsRope)} must add up to the width of a head, {AttentionHeadDim}, got [{string.Join(", ", AxesDimsRope)}].", nameof(AxesDimsRope));
        }
    }
}
