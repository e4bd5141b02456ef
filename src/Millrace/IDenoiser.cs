using static TorchSharp.torch;

namespace Millrace;

/// <summary>
/// The one thing that every sampler, guide, cache and quantizer wraps: maps (x_t, t, conditioning) to a prediction.
/// Rows are independent of one another, so that one call may hold many noise levels, frames and prompts.
/// </summary>
public interface IDenoiser
{
    /// <summary>What <see cref="Predict"/> returns.</summary>
    PredictionType Prediction { get; }

    /// <summary>Predicts for every row.</summary>
    /// <param name="x">Noised latents x_t, [B, C, H, W].</param>
    /// <param name="t">Training timestep of each row, [B], float32 in 0..999, growing with the noise.</param>
    /// <param name="conditioning">One row of conditioning for each row of <paramref name="x"/>.</param>
    /// <returns>[B, C, H, W], float32; the caller's to dispose.</returns>
    Tensor Predict(Tensor x, Tensor t, Conditioning conditioning);
}
