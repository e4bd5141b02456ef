namespace Millrace.Models.Transformers;

/// <summary>Shape of an <see cref="SD3Transformer2DModel"/>; the names are those of a diffusers <c>config.json</c>, the defaults those of Stable Diffusion 3 medium.</summary>
public sealed record StableDiffusion3Options
{
    /// <summary>Channels of x_t.</summary>
    public int InChannels { get; init; } = 16;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 16;

    /// <summary>Side of the square latents that the network was trained on.</summary>
    public int SampleSize { get; init; } = 128;

    /// <summary>Side of a patch.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Number of layers.</summary>
    public int NumLayers { get; init; } = 24;

    /// <summary>Number of heads.</summary>
    public int NumAttentionHeads { get; init; } = 24;

    /// <summary>Width of a head; even.</summary>
    public int AttentionHeadDim { get; init; } = 64;

    /// <summary>Width of the text's hidden states.</summary>
    public int JointAttentionDim { get; init; } = 4096;

    /// <summary>Width of the pooled text.</summary>
    public int PooledProjectionDim { get; init; } = 2048;

    /// <summary>Side of the stored table of positions, in patches.</summary>
    public int PosEmbedMaxSize { get; init; } = 192;

    /// <summary>Whether queries and keys are normalized (Stable Diffusion 3.5).</summary>
    public bool NormalizesQueriesAndKeys { get; init; }

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
        OptionCheck.Positive(JointAttentionDim);
        OptionCheck.Positive(PooledProjectionDim);
        OptionCheck.Positive(PosEmbedMaxSize);
    }
}
