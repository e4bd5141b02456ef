namespace Millrace.Models.Layers;

/// <summary>What the layers of CLIP's two encoders, of texts and of pictures, are made of.</summary>
/// <param name="Width">Width of the tokens.</param>
/// <param name="IntermediateWidth">Width inside the feed-forward layer.</param>
/// <param name="Heads">Number of attention heads; divides the width.</param>
/// <param name="NormEpsilon">Added to the variance in the layer normalizations.</param>
/// <param name="QuickGelu">Whether the nonlinearity is x sigmoid(1.702 x), not the exact GELU.</param>
/// <param name="IsCausal">Whether a token attends to itself and those before it alone.</param>
internal sealed record ClipLayerOptions(int Width, int IntermediateWidth, int Heads, double NormEpsilon, bool QuickGelu, bool IsCausal);
