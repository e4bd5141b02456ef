using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>
/// Shape of a <see cref="UNet2DConditionModel"/>; the defaults are those of Stable Diffusion 1.x. The names are those of a
/// diffusers <c>config.json</c>, but for <see cref="NumAttentionHeads"/>.
/// </summary>
public sealed record UNet2DConditionOptions
{
    /// <summary>Channels of x_t.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Side of the square latents that the network was trained on. It computes any size; pictures of this one come out best.</summary>
    public int SampleSize { get; init; } = 64;

    /// <summary>Width of each resolution, from the finest to the coarsest; each after the first has half the sides. Even, and divisible by <see cref="NormNumGroups"/>.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Kind of each resolution on the way down, from the finest to the coarsest.</summary>
    public IReadOnlyList<UNetBlockType> DownBlockTypes { get; init; } =
        [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain];

    /// <summary>Kind of each resolution on the way up, from the coarsest to the finest.</summary>
    public IReadOnlyList<UNetBlockType> UpBlockTypes { get; init; } =
        [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention];

    /// <summary>Residual blocks of each resolution on the way down; there is one more on the way up.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>
    /// Attention heads of each resolution, from the finest to the coarsest; each divides the width. In a diffusers
    /// <c>config.json</c> this is <c>attention_head_dim</c>, which despite its name holds the number of heads.
    /// </summary>
    public IReadOnlyList<int> NumAttentionHeads { get; init; } = [8, 8, 8, 8];

    /// <summary>Width of the text's hidden states.</summary>
    public int CrossAttentionDim { get; init; } = 768;

    /// <summary>Groups of every group normalization.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Added to the variance in the group normalizations of residual blocks; above 0.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Whether the projections around attention are stored as matrices (Stable Diffusion 2.x), not as 1 x 1 convolutions (1.x).</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Whether attention is computed in float32 whatever the precision of the parameters.</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>Nonlinearity of residual blocks and of the timestep embedding.</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>Whether the cosines of the timestep embedding stand before the sines.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift in the frequencies of the timestep embedding; at least 0 and below half of the first width.</summary>
    public double FreqShift { get; init; }

    /// <summary>Width of the timestep embedding: four times the first width.</summary>
    public int TimeEmbedDim => 4 * BlockOutChannels[0];

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(OutChannels);
        OptionCheck.Positive(SampleSize);
        OptionCheck.Layers(LayersPerBlock);
        OptionCheck.Positive(CrossAttentionDim);
        OptionCheck.Positive(NormNumGroups);
        OptionCheck.Positive(NormEps);
        OptionCheck.Positive(BlockOutChannels);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Stages(DownBlockTypes, BlockOutChannels.Count);
        OptionCheck.Stages(UpBlockTypes, BlockOutChannels.Count);
        OptionCheck.Stages(NumAttentionHeads, BlockOutChannels.Count);
        OptionCheck.Divisible(BlockOutChannels, [.. BlockOutChannels.Select(_ => NormNumGroups)]);
        OptionCheck.Divisible(BlockOutChannels, NumAttentionHeads);
        OptionCheck.Divisible([BlockOutChannels[0]], [2], nameof(BlockOutChannels));
        if (!(FreqShift >= 0 && FreqShift < BlockOutChannels[0] / 2))
        {
            throw new ArgumentOutOfRangeException(
                nameof(FreqShift), $"{nameof(FreqShift)} must be at least 0 and below {BlockOutChannels[0] / 2}, got {FreqShift}.");
        }
    }
}
