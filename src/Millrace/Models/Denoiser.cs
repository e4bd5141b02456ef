using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

/// <summary>A text-conditional network as an <see cref="IDenoiser"/>: float32 in and out whatever the precision of the parameters, no gradients.</summary>
/// <param name="network">Maps (x_t [B, C, H, W], t [B], text [B, tokens, width]) to a prediction [B, C, H, W]; used, not owned.</param>
/// <param name="prediction">What the network was trained to predict.</param>
public sealed class Denoiser(Module<Tensor, Tensor, Tensor, Tensor> network, PredictionType prediction) : IDenoiser
{
    /// <inheritdoc/>
    public PredictionType Prediction => prediction;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ScalarType precision = network.Precision();
        return network.call(x.to(precision), t, conditioning.Text.to(precision)).to(float32).MoveToOuterDisposeScope();
    }
}
