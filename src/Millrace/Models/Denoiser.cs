using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>A network as an <see cref="IDenoiser"/>: float32 in and out whatever the precision of the parameters, no gradients.</summary>
/// <param name="network">Maps (x_t [B, C, H, W], t [B], conditioning) to a prediction [B, C, H, W]; used, not owned.</param>
/// <param name="prediction">What the network was trained to predict.</param>
public sealed class Denoiser(IConditionalNetwork network, PredictionType prediction) : IDenoiser
{
    /// <inheritdoc/>
    public PredictionType Prediction => prediction;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ScalarType precision = network.Precision;

        // Scales and sizes keep float32: they enter through sinusoids, which bfloat16 would blur.
        Conditioning cast = conditioning with { Text = conditioning.Text.to(precision), PooledText = conditioning.PooledText?.to(precision) };
        return network.Predict(x.to(precision), t, cast).to(float32).MoveToOuterDisposeScope();
    }
}
