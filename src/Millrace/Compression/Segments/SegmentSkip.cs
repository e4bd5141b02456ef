namespace Millrace.Compression.Segments;

/// <summary>A feature of the way down that the way up takes beside its own.</summary>
/// <param name="Index">Its number, 0 is that of the first convolution: the one that hooks know.</param>
/// <param name="From">Name of the feature.</param>
/// <param name="To">Name of the residual block that takes it.</param>
public sealed record SegmentSkip(int Index, string From, string To);
