namespace Millrace.Models.UNets;

/// <summary>One resolution of a U-Net on one of its ways.</summary>
/// <param name="Kind">What it is made of.</param>
/// <param name="Width">Width of its outputs.</param>
/// <param name="Layers">Number of residual blocks.</param>
/// <param name="Heads">Heads of its attention.</param>
/// <param name="HeadWidth">Width of each of them.</param>
internal sealed record UNetStage(UNetBlockType Kind, int Width, int Layers, int Heads, int HeadWidth)
{
    /// <summary>Width within its attention: that of all heads, which is less than that of the stage where it does not divide.</summary>
    public int AttentionWidth => Heads * HeadWidth;

    /// <summary>Whether its attention, where it has any, has at least one head of at least one number.</summary>
    public bool HasHeads => Kind == UNetBlockType.Plain || AttentionWidth > 0;

    /// <summary>Transformer blocks in the attention behind each residual block; one value stands for all.</summary>
    public IReadOnlyList<int> Depths { get; init; } = [1];

    /// <summary>Whether all attention is to the text.</summary>
    public bool OnlyCross { get; init; }

    /// <summary>Attention over time behind each residual block; null for none.</summary>
    public UNetMotion? Motion { get; init; }

    /// <summary>Transformer blocks in the attention behind residual block <paramref name="layer"/>.</summary>
    public int Depth(int layer) => Depths[Math.Min(layer, Depths.Count - 1)];
}

/// <summary>The attention over time of one resolution.</summary>
/// <param name="Heads">Number of heads.</param>
/// <param name="Depths">Transformer blocks behind each residual block; one value stands for all.</param>
/// <param name="MaxFrames">Largest number of frames.</param>
internal sealed record UNetMotion(int Heads, IReadOnlyList<int> Depths, int MaxFrames)
{
    /// <summary>Width of all heads together where the resolution has some width.</summary>
    public int AttentionWidth(int width) => Heads * (width / Heads);

    public int Depth(int layer) => Depths[Math.Min(layer, Depths.Count - 1)];
}
