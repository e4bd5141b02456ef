using static TorchSharp.torch;

namespace Millrace.Guidance;

/// <summary>Classifier-free guidance around a denoiser (Ho and Salimans 2022, arXiv 2207.12598, equation 6): negative + g (positive - negative), both in one call.</summary>
/// <param name="denoiser">What is guided; used, not owned.</param>
/// <param name="negative">Conditioning of the negative, one row, used for every row; used, not owned.</param>
/// <param name="scale">g; 1 is no guidance.</param>
public sealed class ClassifierFreeGuidance(IDenoiser denoiser, Conditioning negative, double scale) : IDenoiser
{
    /// <inheritdoc/>
    public PredictionType Prediction => denoiser.Prediction;

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var negatives = new Conditioning(negative.Text.expand(x.shape[0], -1, -1));
        Conditioning both = Conditioning.Concatenate(negatives, conditioning);
        Tensor[] halves = denoiser.Predict(cat([x, x], 0), cat([t, t], 0), both).chunk(2, 0);
        return halves[0].Plus(halves[1].Minus(halves[0]).Times(scale)).MoveToOuterDisposeScope();
    }
}
