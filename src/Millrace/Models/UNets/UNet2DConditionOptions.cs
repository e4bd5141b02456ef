using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>
/// Shape of a <see cref="UNet2DConditionModel"/>, a <see cref="Adapters.ControlNetModel"/> or a <see cref="UNetMotionModel"/>; the defaults are those of Stable Diffusion 1.x. The names are those of a
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

    /// <summary>Width of each resolution, from the finest to the coarsest; each after the first has half the sides. Divisible by <see cref="NormNumGroups"/>.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Kind of each resolution on the way down, from the finest to the coarsest.</summary>
    public IReadOnlyList<UNetBlockType> DownBlockTypes { get; init; } =
        [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain];

    /// <summary>Kind of each resolution on the way up, from the coarsest to the finest.</summary>
    public IReadOnlyList<UNetBlockType> UpBlockTypes { get; init; } =
        [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention];

    /// <summary>Residual blocks of each resolution on the way down; there is one more on the way up.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Residual blocks of each resolution where they differ, from the finest; empty where <see cref="LayersPerBlock"/> holds for all.</summary>
    public IReadOnlyList<int> LayersPerStage { get; init; } = [];

    /// <summary>
    /// Transformer blocks of each attention on the way down: one list for each resolution from the finest, whose values are those
    /// of its attentions, a single one standing for all. Empty for one block everywhere.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>> TransformerLayersPerBlock { get; init; } = [];

    /// <summary>The same on the way up, from the coarsest; empty for those of the way down in reverse.</summary>
    public IReadOnlyList<IReadOnlyList<int>> ReverseTransformerLayersPerBlock { get; init; } = [];

    /// <summary>Whether the attention of a resolution is all to the text, from the finest; empty for none.</summary>
    public IReadOnlyList<bool> OnlyCrossAttention { get; init; } = [];

    /// <summary>What stands in the middle.</summary>
    public UNetMidBlockType MidBlockType { get; init; } = UNetMidBlockType.CrossAttention;

    /// <summary>What the sums of the middle block's residual blocks are divided by; above 0.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Side of the kernel of the first convolution; odd.</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Side of the kernel of the last convolution; odd.</summary>
    public int ConvOutKernel { get; init; } = 3;

    /// <summary>Whether one zero is added to the right and below only on halving the sides (padding 0 in diffusers), not on all sides (padding 1).</summary>
    public bool PadAfterOnly { get; init; }

    /// <summary>Whether x_t is taken as lying in [0, 1] and moved to [-1, 1].</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether the timestep scales and shifts in residual blocks (<c>scale_shift</c>), and is not added.</summary>
    public bool ScaleShift { get; init; }

    /// <summary>How classes enter.</summary>
    public UNetClassEmbedding ClassEmbedding { get; init; }

    /// <summary>Number of classes of <see cref="UNetClassEmbedding.Table"/>; else null.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>Width of what the class projections, or the projection of pooled text and sizes, take; null where there are none.</summary>
    public int? ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Whether the class stands beside the timestep in the embedding, which is then twice as wide, and is not added to it.</summary>
    public bool ClassEmbeddingsConcat { get; init; }

    /// <summary>Sinusoids of each size (SDXL, <c>text_time</c>); null for a network that takes neither sizes nor pooled text.</summary>
    public int? AdditionTimeEmbedDim { get; init; }

    /// <summary>Width of the embedded guidance scale (latent consistency models); null for none.</summary>
    public int? TimeCondProjDim { get; init; }

    /// <summary>Width of the text that a learned layer brings to <see cref="CrossAttentionDim"/>; null where there is no such layer.</summary>
    public int? EncoderHidDim { get; init; }

    /// <summary>Whether the timestep enters through stored random frequencies.</summary>
    public bool FourierTime { get; init; }

    /// <summary>Width of the timestep embedding; null for the usual one.</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>Nonlinearity behind the timestep's two layers; null for none.</summary>
    public Activation? TimestepPostActivation { get; init; }

    /// <summary>Nonlinearity of the whole embedding; null for none.</summary>
    public Activation? TimeEmbeddingActivation { get; init; }

    /// <summary>Attention over the frames of clips; null for a network of pictures.</summary>
    public UNetMotionOptions? Motion { get; init; }

    /// <summary>
    /// Attention heads of each resolution, from the finest to the coarsest, each as wide as the width allows. In a diffusers
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

    /// <summary>In what the network differs from this architecture: layers removed, heads and channels left out.</summary>
    public StructureChanges Changes { get; init; } = StructureChanges.None;

    /// <summary>Width of the timestep embedding: <see cref="TimeEmbeddingDim"/>, else four times the first width, twice with <see cref="FourierTime"/>.</summary>
    public int TimeEmbedDim => TimeEmbeddingDim ?? (FourierTime ? 2 : 4) * BlockOutChannels[0];

    internal UNetLayout Layout
    {
        get
        {
            int stages = BlockOutChannels.Count;
            return new UNetLayout
            {
                InChannels = InChannels,
                OutChannels = OutChannels,
                InKernel = ConvInKernel,
                OutKernel = ConvOutKernel,
                Down = [.. Enumerable.Range(0, stages).Select(stage => Stage(stage, DownBlockTypes[stage], 0) with { Depths = Depths(stage), Motion = Motion?.Down(stage) })],
                Middle = Middle,
                Up = [.. Enumerable.Range(0, stages).Select(index => (index, stage: stages - 1 - index)).Select(up => Stage(up.stage, UpBlockTypes[up.index], 1) with
                {
                    Depths = ReverseTransformerLayersPerBlock.Count > 0 ? ReverseTransformerLayersPerBlock[up.index] : Depths(up.stage),
                    Motion = Motion?.Up(up.index, stages),
                })],
                Norm = new GroupNormOptions(NormNumGroups, NormEps),
                Activation = Activation,
                OutActivation = Motion is null ? Activation : Activation.Silu,
                EmbeddingWidth = ClassEmbeddingsConcat ? 2 * TimeEmbedDim : TimeEmbedDim,
                TextWidth = CrossAttentionDim,
                LinearProjection = UseLinearProjection,
                Upcast = UpcastAttention,
                ScaleShift = ScaleShift,
                MiddleScale = MidBlockScaleFactor,
                PadAfterOnly = PadAfterOnly,
                CentersInput = CenterInputSample,
            };
        }
    }

    private UNetStage? Middle
    {
        get
        {
            UNetStage stage = Stage(BlockOutChannels.Count - 1, UNetBlockType.CrossAttention, 0) with { OnlyCross = false };
            return MidBlockType switch
            {
                UNetMidBlockType.None => null,
                UNetMidBlockType.Plain => stage with { Kind = UNetBlockType.Plain, Layers = 0 },
                _ => stage with
                {
                    Layers = Motion?.MidBlockLayers ?? 1,
                    Depths = Motion?.TransformerLayersPerMidBlock is { Count: > 0 } own ? own : Depths(BlockOutChannels.Count - 1),
                    Motion = Motion?.Middle(BlockOutChannels.Count),
                },
            };
        }
    }

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
        OptionCheck.Positive(MidBlockScaleFactor);
        OptionCheck.Odd(ConvInKernel);
        OptionCheck.Odd(ConvOutKernel);
        OptionCheck.Layers(LayersPerStage);
        OptionCheck.PerStage(LayersPerStage, BlockOutChannels.Count);
        OptionCheck.PerStage(TransformerLayersPerBlock, BlockOutChannels.Count);
        OptionCheck.PerStage(ReverseTransformerLayersPerBlock, BlockOutChannels.Count);
        OptionCheck.PerStage(OnlyCrossAttention, BlockOutChannels.Count);
        ValidateDepths();
        ValidateEmbeddings();
        OptionCheck.Stages(DownBlockTypes, BlockOutChannels.Count);
        OptionCheck.Stages(UpBlockTypes, BlockOutChannels.Count);
        OptionCheck.Stages(NumAttentionHeads, BlockOutChannels.Count);
        OptionCheck.Divisible(BlockOutChannels, [.. BlockOutChannels.Select(_ => NormNumGroups)]);
        ValidateHeads();
        if (!(FreqShift >= 0 && FreqShift < BlockOutChannels[0] / 2))
        {
            throw new ArgumentOutOfRangeException(
                nameof(FreqShift), $"{nameof(FreqShift)} must be at least 0 and below {BlockOutChannels[0] / 2}, got {FreqShift}.");
        }
    }

    private void ValidateHeads()
    {
        UNetLayout layout = Layout;
        if (layout.Stages.FirstOrDefault(stage => !stage.HasHeads) is { } headless)
        {
            throw new ArgumentException(
                $"{nameof(NumAttentionHeads)} must leave at least one head of at least one number where there is attention, got [{string.Join(", ", NumAttentionHeads)}] for a resolution of width {headless.Width}.", nameof(NumAttentionHeads));
        }
    }

    private void ValidateDepths()
    {
        foreach (IReadOnlyList<int> depths in TransformerLayersPerBlock.Concat(ReverseTransformerLayersPerBlock))
        {
            OptionCheck.Layers(depths, nameof(TransformerLayersPerBlock));
            if (depths.Count == 0)
            {
                throw new ArgumentException($"{nameof(TransformerLayersPerBlock)} must hold at least one number for each resolution.", nameof(TransformerLayersPerBlock));
            }
        }

        if (ReverseTransformerLayersPerBlock.Count == 0 && TransformerLayersPerBlock.Any(depths => depths.Count > 1))
        {
            throw new ArgumentException(
                $"{nameof(ReverseTransformerLayersPerBlock)} must be given where {nameof(TransformerLayersPerBlock)} differs within a resolution: the way up has one more attention.",
                nameof(ReverseTransformerLayersPerBlock));
        }

        Motion?.Validate(BlockOutChannels);
    }

    private void ValidateEmbeddings()
    {
        OptionCheck.Positive(NumClassEmbeds ?? 1, nameof(NumClassEmbeds));
        OptionCheck.Positive(ProjectionClassEmbeddingsInputDim ?? 1, nameof(ProjectionClassEmbeddingsInputDim));
        OptionCheck.Positive(AdditionTimeEmbedDim ?? 1, nameof(AdditionTimeEmbedDim));
        OptionCheck.Positive(TimeCondProjDim ?? 1, nameof(TimeCondProjDim));
        OptionCheck.Positive(EncoderHidDim ?? 1, nameof(EncoderHidDim));
        OptionCheck.Positive(TimeEmbeddingDim ?? 1, nameof(TimeEmbeddingDim));
        bool projects = AdditionTimeEmbedDim is not null || ClassEmbedding is UNetClassEmbedding.Projection or UNetClassEmbedding.SimpleProjection;
        if (projects && ProjectionClassEmbeddingsInputDim is null)
        {
            throw new ArgumentException($"{nameof(ProjectionClassEmbeddingsInputDim)} must be given where classes, or text and sizes, are projected.", nameof(ProjectionClassEmbeddingsInputDim));
        }

        if (ClassEmbedding == UNetClassEmbedding.Table && NumClassEmbeds is null)
        {
            throw new ArgumentException($"{nameof(NumClassEmbeds)} must be given where there is a table of classes.", nameof(NumClassEmbeds));
        }
    }

    private IReadOnlyList<int> Depths(int stage) => TransformerLayersPerBlock.Count > 0 ? TransformerLayersPerBlock[stage] : [1];

    private UNetStage Stage(int stage, UNetBlockType kind, int more)
    {
        // In attention over pixels alone the same number means the width of a head.
        int width = BlockOutChannels[stage], said = NumAttentionHeads[stage];
        (int heads, int headWidth) = kind == UNetBlockType.SelfAttention ? (width / said, said) : (said, width / said);
        return new UNetStage(kind, width, (LayersPerStage.Count > 0 ? LayersPerStage[stage] : LayersPerBlock) + more, heads, headWidth)
        {
            OnlyCross = OnlyCrossAttention.Count > 0 && OnlyCrossAttention[stage],
        };
    }
}
