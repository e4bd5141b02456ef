using Millrace.Models;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>A network as a denoiser under autograd: float32 in and out, computed in a precision of one's choice, parameters float32.</summary>
/// <param name="network">What is trained; used, not owned.</param>
/// <param name="prediction">What it shall predict.</param>
/// <param name="precision">Float32 or bfloat16.</param>
public sealed class AutogradDenoiser(IConditionalNetwork network, PredictionType prediction, ScalarType precision) : IDenoiser
{
    /// <inheritdoc/>
    public PredictionType Prediction => prediction;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        Conditioning cast = conditioning with { Text = conditioning.Text.to(precision) };
        return network.Predict(x.to(precision), t, cast).to(float32).MoveToOuterDisposeScope();
    }
}
