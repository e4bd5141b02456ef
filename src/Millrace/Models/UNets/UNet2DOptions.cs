using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>
/// Shape of a <see cref="UNet2DModel"/>; the names are those of a diffusers <c>config.json</c> and the defaults those of diffusers.
/// </summary>
public sealed record UNet2DOptions
{
    /// <summary>Channels of x_t.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the prediction.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Side of the square pictures that the network was trained on; null where it is not known.</summary>
    public int? SampleSize { get; init; }

    /// <summary>Width of each resolution, from the finest to the coarsest.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [224, 448, 672, 896];

    /// <summary>Kind of each resolution on the way down, from the finest; plain or with attention to itself.</summary>
    public IReadOnlyList<UNetBlockType> DownBlockTypes { get; init; } =
        [UNetBlockType.Plain, UNetBlockType.SelfAttention, UNetBlockType.SelfAttention, UNetBlockType.SelfAttention];

    /// <summary>Kind of each resolution on the way up, from the coarsest.</summary>
    public IReadOnlyList<UNetBlockType> UpBlockTypes { get; init; } =
        [UNetBlockType.SelfAttention, UNetBlockType.SelfAttention, UNetBlockType.SelfAttention, UNetBlockType.Plain];

    /// <summary>Residual blocks of each resolution on the way down; there is one more on the way up.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Width of an attention head, of which there are as many as the width allows; null for one head.</summary>
    public int? AttentionHeadDim { get; init; } = 8;

    /// <summary>Groups of every group normalization.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Groups of the normalization before the middle block's attention; null for <see cref="NormNumGroups"/>, or none with <see cref="ScaleShift"/>.</summary>
    public int? AttentionNormNumGroups { get; init; }

    /// <summary>Added to the variance of every group normalization; above 0.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Nonlinearity of residual blocks.</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>Whether the middle block has attention.</summary>
    public bool AddAttention { get; init; } = true;

    /// <summary>What the sums of the middle block are divided by; above 0.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Whether one zero is added to the right and below only on halving the sides, not on all sides.</summary>
    public bool PadAfterOnly { get; init; }

    /// <summary>Whether resolutions with attention halve and double the sides by residual blocks.</summary>
    public bool ResamplesByBlocks { get; init; }

    /// <summary>Whether x_t is taken as lying in [0, 1] and moved to [-1, 1].</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether the timestep scales and shifts in residual blocks, and is not added.</summary>
    public bool ScaleShift { get; init; }

    /// <summary>Whether the timestep, which is a noise level then, enters through stored random frequencies, and the prediction is divided by it.</summary>
    public bool FourierTime { get; init; }

    /// <summary>Whether the cosines of the timestep embedding stand before the sines.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift in the frequencies of the timestep embedding.</summary>
    public double FreqShift { get; init; }

    /// <summary>How classes enter: not at all, by a table, as a timestep, or as vectors.</summary>
    public UNetClassEmbedding ClassEmbedding { get; init; }

    /// <summary>Number of classes of a table; else null.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>In what the network differs from this architecture: layers removed, heads and channels left out.</summary>
    public StructureChanges Changes { get; init; } = StructureChanges.None;

    internal UNetLayout Layout
    {
        get
        {
            UNetStage Stage(int stage, UNetBlockType kind, int more)
            {
                int width = BlockOutChannels[stage], headWidth = AttentionHeadDim ?? width;
                return new UNetStage(kind, width, LayersPerBlock + more, width / headWidth, headWidth);
            }

            int stages = BlockOutChannels.Count;
            return new UNetLayout
            {
                InChannels = InChannels,
                OutChannels = OutChannels,
                Down = [.. Enumerable.Range(0, stages).Select(stage => Stage(stage, DownBlockTypes[stage], 0))],
                Middle = Stage(stages - 1, AddAttention ? UNetBlockType.SelfAttention : UNetBlockType.Plain, 0) with { Layers = 1 },
                Up = [.. Enumerable.Range(0, stages).Select(index => Stage(stages - 1 - index, UpBlockTypes[index], 1))],
                Norm = new GroupNormOptions(NormNumGroups, NormEps),
                MiddleAttentionGroups = AttentionNormNumGroups ?? (ScaleShift ? null : NormNumGroups),
                Activation = Activation,
                OutActivation = Activation.Silu,
                EmbeddingWidth = 4 * BlockOutChannels[0],
                ScaleShift = ScaleShift,
                MiddleScale = MidBlockScaleFactor,
                PadAfterOnly = PadAfterOnly,
                ResamplesByBlocks = ResamplesByBlocks,
                CentersInput = CenterInputSample,
            };
        }
    }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(OutChannels);
        OptionCheck.Layers(LayersPerBlock);
        OptionCheck.Positive(NormNumGroups);
        OptionCheck.Positive(AttentionNormNumGroups ?? 1, nameof(AttentionNormNumGroups));
        OptionCheck.Positive(AttentionHeadDim ?? 1, nameof(AttentionHeadDim));
        OptionCheck.Positive(NumClassEmbeds ?? 1, nameof(NumClassEmbeds));
        OptionCheck.Positive(NormEps);
        OptionCheck.Positive(MidBlockScaleFactor);
        OptionCheck.Positive(BlockOutChannels);
        OptionCheck.Stages(DownBlockTypes, BlockOutChannels.Count);
        OptionCheck.Stages(UpBlockTypes, BlockOutChannels.Count);
        OptionCheck.Divisible(BlockOutChannels, [.. BlockOutChannels.Select(_ => NormNumGroups)]);
        if (DownBlockTypes.Concat(UpBlockTypes).Contains(UNetBlockType.CrossAttention))
        {
            throw new ArgumentException("A U-Net without text must have no attention to text.", nameof(DownBlockTypes));
        }

        if (Layout.Stages.FirstOrDefault(stage => !stage.HasHeads) is { } headless)
        {
            throw new ArgumentException($"{nameof(AttentionHeadDim)} must be at most the width of every resolution with attention, got {AttentionHeadDim} for a width of {headless.Width}.", nameof(AttentionHeadDim));
        }

        if (ClassEmbedding is UNetClassEmbedding.Projection or UNetClassEmbedding.SimpleProjection || (ClassEmbedding == UNetClassEmbedding.Table && NumClassEmbeds is null))
        {
            throw new ArgumentException($"{nameof(ClassEmbedding)} must be None, Timestep, Identity, or Table with {nameof(NumClassEmbeds)}.", nameof(ClassEmbedding));
        }
    }
}
