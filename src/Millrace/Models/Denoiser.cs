using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>A network as an <see cref="IDenoiser"/>: float32 in and out whatever the precision of the parameters, no gradients.</summary>
/// <remarks>What a network predicts beyond the channels of x_t, a variance, is left out.</remarks>
/// <param name="network">Maps (x_t [B, C, H, W], t [B], conditioning) to a prediction [B, C, H, W]; used, not owned.</param>
/// <param name="prediction">What the network was trained to predict.</param>
/// <param name="convention">How it differs from the contract; null where it does not.</param>
public sealed class Denoiser(IConditionalNetwork network, PredictionType prediction, NetworkConvention? convention = null) : IDenoiser
{
    private readonly NetworkConvention _convention = convention ?? NetworkConvention.Timesteps;

    /// <inheritdoc/>
    public PredictionType Prediction => prediction;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ScalarType precision = network.Precision;

        // Scales and sizes keep float32: they enter through sinusoids, which bfloat16 would blur.
        Conditioning cast = conditioning with
        {
            Text = conditioning.Text.to(precision),
            PooledText = conditioning.PooledText?.to(precision),
            ImageTokens = [.. conditioning.ImageTokens.Select(tokens => tokens.to(precision))],
            SizeIds = conditioning.SizeIds ?? Sizes(x),
            Guidance = conditioning.Guidance ?? (_convention.Guidance is { } scale ? TensorArithmetic.Filled(scale, x.device, x.shape[0]) : null),
        };
        Tensor output = network.Predict(x.to(precision), Time(t), cast).to(float32);
        Tensor channels = output.shape[1] > x.shape[1] ? output.narrow(1, 0, x.shape[1]).contiguous() : output;
        return (_convention.Negated ? channels.neg() : channels).MoveToOuterDisposeScope();
    }

    private Tensor Time(Tensor t) => _convention is { TimeScale: 1, TimeOffset: 0 } ? t : t.Times(_convention.TimeScale).Plus(_convention.TimeOffset);

    private Tensor? Sizes(Tensor x) => _convention.SizeIds is { } sizes
        ? tensor(sizes(x.shape[2] * _convention.PixelsPerLatent, x.shape[3] * _convention.PixelsPerLatent), device: x.device).unsqueeze(0).expand(x.shape[0], -1)
        : null;
}
