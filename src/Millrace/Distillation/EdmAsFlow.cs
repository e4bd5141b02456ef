using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>
/// An EDM network as the flow that it already is: before any training its velocity is that of the straight-path process of the
/// same noise and data. Trained on pairs of its own, it becomes a 2-rectified flow.
/// </summary>
/// <remarks>
/// Lee et al. 2024, arXiv 2405.20320, section 3: with sigma = t / (1 - t), y = z_t / (1 - t) is an EDM sample x + sigma e, and
/// v = (z_t - D(y, sigma)) / t. Times are kept off the ends, where it divides by zero.
/// </remarks>
/// <param name="network">Predicts <see cref="PredictionType.Edm"/>; used, not owned.</param>
/// <param name="sigmaData">Standard deviation of the data, above 0.</param>
/// <param name="process">The flow whose timesteps it is asked with.</param>
public sealed class EdmAsFlow(IDenoiser network, double sigmaData, FlowProcess process) : IDenoiser
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
        Tensor scale = sigma.Squared().Plus(sigmaData * sigmaData).rsqrt(), y = x / share;
        Tensor output = network.Predict(scale * y, (time / time.TakenFrom(1)).log().Times(0.25), conditioning);
        Tensor sample = (scale.Squared() * y).Times(sigmaData * sigmaData).Plus((sigma * scale * output).Times(sigmaData));
        return (x.Minus(sample) / rows).MoveToOuterDisposeScope();
    }
}
