namespace Millrace.Compression.Segments;

/// <summary>A residual layer, y = x + f(x).</summary>
/// <param name="Name">As in checkpoints: <c>down_blocks.0.resnets.1</c>.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Block">Name of the block in which it stands.</param>
/// <param name="Parent">Name of the residual layer of which it is a part; null for none.</param>
/// <param name="Parameters">How many f has, its share of the time embedding included.</param>
/// <param name="KeepsShape">Whether x has the shape of y, so that the network can do without the layer; where not, a convolution that fits x to the sum stays.</param>
public sealed record SegmentLayer(string Name, LayerKind Kind, string Block, string? Parent, long Parameters, bool KeepsShape);
