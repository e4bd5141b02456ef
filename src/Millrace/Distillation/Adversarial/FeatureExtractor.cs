using static TorchSharp.torch;

namespace Millrace.Distillation.Adversarial;

/// <summary>The features of a frozen network, of several layers; gradients go through it to x and not to its weights.</summary>
/// <param name="x">Noised samples x_t, [B, C, H, W].</param>
/// <param name="t">Timestep of each row, [B].</param>
/// <param name="conditioning">One row for each row.</param>
/// <returns>Always as many, in the same order; the caller's to dispose.</returns>
public delegate IReadOnlyList<Tensor> FeatureExtractor(Tensor x, Tensor t, Conditioning conditioning);
