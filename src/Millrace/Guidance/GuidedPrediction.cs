using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>What guidance combines.</summary>
/// <param name="X">What the network saw, [B, C, H, W].</param>
/// <param name="T">Timestep of each row, [B].</param>
/// <param name="Conditioning">The prompt of each row.</param>
/// <param name="Times">Timestep of each row.</param>
/// <param name="Negative">Predicted under the negative prompt, [B, C, H, W].</param>
/// <param name="Positive">Predicted under the prompt, [B, C, H, W].</param>
/// <param name="Further">Predicted under further conditions, each [B, C, H, W].</param>
internal readonly record struct GuidedPrediction(Tensor X, Tensor T, Conditioning Conditioning, IReadOnlyList<double> Times, Tensor Negative, Tensor Positive, IReadOnlyList<Tensor> Further);
