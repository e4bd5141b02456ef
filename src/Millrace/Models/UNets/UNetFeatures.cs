using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>What the first half of a U-Net hands to the second.</summary>
/// <param name="Middle">Output of the middle block, [B, width, h, w].</param>
/// <param name="Skips">From the finest to the coarsest: the first convolution, then every residual block and downsampling of the way down.</param>
public sealed record UNetFeatures(Tensor Middle, IReadOnlyList<Tensor> Skips);
