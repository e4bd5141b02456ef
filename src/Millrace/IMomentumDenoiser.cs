using static TorchSharp.torch;

namespace Millrace;

/// <summary>A denoiser whose guidance goes on from call to call of one sampling. It keeps nothing: what goes on travels as a value.</summary>
public interface IMomentumDenoiser : IDenoiser
{
    /// <summary>Predicts for every row.</summary>
    /// <param name="x">Noised latents x_t, [B, C, H, W].</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>.</param>
    /// <param name="momentum">What the call before left, [B, C, H, W]; null at the first.</param>
    /// <returns>The prediction, and what the next call takes; both the caller's to dispose.</returns>
    (Tensor Prediction, Tensor? Momentum) Predict(Tensor x, Tensor t, Conditioning conditioning, Tensor? momentum);
}
