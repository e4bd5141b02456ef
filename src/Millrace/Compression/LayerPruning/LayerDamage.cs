using Millrace.Compression.Segments;

namespace Millrace.Compression.LayerPruning;

/// <summary>What the prediction loses without a layer.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Value">v = mean of |prediction without it - prediction|^2 over states and elements.</param>
/// <param name="Quartiles">The same over a quarter of the states each, from the least noise to the most.</param>
public sealed record LayerDamage(SegmentLayer Layer, double Value, IReadOnlyList<double> Quartiles);
