using Millrace.Models.Layers;

namespace Millrace.Compression.Segments;

/// <summary>Units side by side within a layer.</summary>
/// <param name="Name">As in checkpoints: <c>transformer_blocks.0.attn1</c>, <c>transformer_blocks.0.ff</c>.</param>
/// <param name="Kind">What the units are.</param>
/// <param name="Block">Name of the block in which they stand.</param>
/// <param name="Units">How many.</param>
/// <param name="ParametersPerUnit">Parameters that go with a unit.</param>
public sealed record SegmentBranch(string Name, BranchKind Kind, string Block, int Units, long ParametersPerUnit);
