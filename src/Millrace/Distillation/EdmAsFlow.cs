using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>
/// An EDM network as the flow that it already is: before any training its velocity is that of the straight-path process of the
/// same noise and data. Trained on pairs of its own, it becomes a 2-rectified flow.
/// </summary>
/// <remarks>
/// Lee et al. 2024, arXiv 2405.20320, section 3: with sigma = t / (1 - t), y = z_t / (1 - t) is an EDM sample x + sigma e, and
/// v = (z_t - D(y, sigma)) / t. Times are kept off the ends, where it divides by zero. The network is told of no more noise than it was trained
/// for: beyond that it sees the noise alone, whatever sigma is, and a time that it never learned would be all that changes.
/// </remarks>
/// <param name="network">Predicts <see cref="PredictionType.Edm"/>; used, not owned.</param>
/// <param name="trained">The process that it was trained for.</param>
/// <param name="process">The flow whose timesteps it is asked with.</param>
public sealed class EdmAsFlow(IDenoiser network, EdmProcess trained, FlowProcess process) : IDenoiser
{
    private const double Margin = 1e-5;

    /// <inheritdoc/>
    public PredictionType Prediction => PredictionType.Flow;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Where the network predicts something else.</exception>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        if (network.Prediction != PredictionType.Edm)
        {
            throw new InvalidOperationException($"A flow is made of an EDM network here, got one that predicts {network.Prediction}.");
        }

        using var scope = NewDisposeScope();
        Tensor time = t.to(float32).Times(1.0 / process.TrainTimesteps).Clamped(Margin, 1 - Margin);
        Tensor rows = time.view(-1, 1, 1, 1), share = rows.TakenFrom(1), sigma = rows / share;
        double sigmaData = trained.SigmaData;
        Tensor scale = sigma.Squared().Plus(sigmaData * sigmaData).rsqrt(), y = x / share;
        Tensor told = sigma.view(-1).AtMost(trained.SigmaMax).log().Times(0.25);
        Tensor output = network.Predict(scale * y, told, conditioning);
        Tensor sample = (scale.Squared() * y).Times(sigmaData * sigmaData).Plus((sigma * scale * output).Times(sigmaData));
        return (x.Minus(sample) / rows).MoveToOuterDisposeScope();
    }
}
