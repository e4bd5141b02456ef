using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>What a denoising network learns from in one step; tensors in the dispose scope of the caller, all on one device.</summary>
/// <param name="Target">Latents x_0 to be found, [B, C, H, W], float32.</param>
/// <param name="Start">Latents that the noise is added to, [B, C, H, W]: x_0 itself, or, where image-to-image is taught, what a person would draw for it.</param>
/// <param name="Noise">Standard normal, [B, C, H, W].</param>
/// <param name="Timesteps">Training timesteps, [B], int64.</param>
/// <param name="Tokens">Prompts, [B, N], int64.</param>
public sealed record DenoisingBatch(Tensor Target, Tensor Start, Tensor Noise, Tensor Timesteps, Tensor Tokens);
