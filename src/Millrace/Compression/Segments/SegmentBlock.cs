namespace Millrace.Compression.Segments;

/// <summary>A stage of a network: one resolution on one way of a U-Net, its middle, or a whole transformer block.</summary>
/// <param name="Name">As in checkpoints: <c>down_blocks.0</c>, <c>mid_block</c>, <c>transformer_blocks.3</c>.</param>
/// <param name="Parameters">How many it has.</param>
public sealed record SegmentBlock(string Name, long Parameters);
