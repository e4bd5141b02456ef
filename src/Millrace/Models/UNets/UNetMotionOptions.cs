namespace Millrace.Models.UNets;

/// <summary>The attention over time of a <see cref="UNetMotionModel"/>; the defaults are those of AnimateDiff.</summary>
public sealed record UNetMotionOptions
{
    /// <summary>Largest number of frames of a clip.</summary>
    public int MaxSequenceLength { get; init; } = 32;

    /// <summary>Heads of each resolution from the finest; one value stands for all. Each is as wide as the width allows.</summary>
    public IReadOnlyList<int> NumAttentionHeads { get; init; } = [8];

    /// <summary>Heads of each resolution on the way up, from the coarsest; empty for those of the way down in reverse.</summary>
    public IReadOnlyList<int> ReverseNumAttentionHeads { get; init; } = [];

    /// <summary>Transformer blocks behind each residual block, a list for each resolution from the finest whose single value stands for all; empty for one block everywhere.</summary>
    public IReadOnlyList<IReadOnlyList<int>> TransformerLayersPerBlock { get; init; } = [];

    /// <summary>The same on the way up, from the coarsest; empty for those of the way down in reverse.</summary>
    public IReadOnlyList<IReadOnlyList<int>> ReverseTransformerLayersPerBlock { get; init; } = [];

    /// <summary>Whether the middle block has attention over time.</summary>
    public bool InMiddle { get; init; } = true;

    /// <summary>Attentions of the middle block.</summary>
    public int MidBlockLayers { get; init; } = 1;

    /// <summary>Spatial transformer blocks of each attention of the middle block; empty for those of the coarsest resolution.</summary>
    public IReadOnlyList<int> TransformerLayersPerMidBlock { get; init; } = [];

    /// <summary>Temporal transformer blocks of each attention of the middle block; one value stands for all.</summary>
    public IReadOnlyList<int> TemporalTransformerLayersPerMidBlock { get; init; } = [1];

    internal void Validate(IReadOnlyList<int> widths)
    {
        OptionCheck.Positive(MaxSequenceLength);
        OptionCheck.Positive(NumAttentionHeads);
        OptionCheck.Layers(MidBlockLayers);
        OptionCheck.Layers(TransformerLayersPerMidBlock);
        OptionCheck.Positive(TemporalTransformerLayersPerMidBlock);
        OptionCheck.PerStage(ReverseNumAttentionHeads, widths.Count);
        OptionCheck.PerStage(TransformerLayersPerBlock, widths.Count);
        OptionCheck.PerStage(ReverseTransformerLayersPerBlock, widths.Count);
        foreach (IReadOnlyList<int> depths in TransformerLayersPerBlock.Concat(ReverseTransformerLayersPerBlock))
        {
            OptionCheck.Positive(depths, nameof(TransformerLayersPerBlock));
        }

        if (NumAttentionHeads.Count != 1)
        {
            OptionCheck.Stages(NumAttentionHeads, widths.Count);
        }

        foreach ((int width, int heads) in widths.SelectMany((width, stage) => new[] { (width, Down(stage).Heads), (width, Up(widths.Count - 1 - stage, widths.Count).Heads) }))
        {
            OptionCheck.AtMost(heads, width, nameof(NumAttentionHeads));
        }
    }

    internal UNetMotion Down(int stage) => new(Heads(stage), Depths(stage), MaxSequenceLength);

    internal UNetMotion Up(int index, int stages) => new(
        ReverseNumAttentionHeads.Count > 0 ? ReverseNumAttentionHeads[index] : Heads(stages - 1 - index),
        ReverseTransformerLayersPerBlock.Count > 0 ? ReverseTransformerLayersPerBlock[index] : Depths(stages - 1 - index),
        MaxSequenceLength);

    internal UNetMotion? Middle(int stages) => InMiddle ? new(Heads(stages - 1), TemporalTransformerLayersPerMidBlock, MaxSequenceLength) : null;

    private int Heads(int stage) => NumAttentionHeads[NumAttentionHeads.Count == 1 ? 0 : stage];

    private IReadOnlyList<int> Depths(int stage) => TransformerLayersPerBlock.Count > 0 ? TransformerLayersPerBlock[stage] : [1];
}
