using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>A denoiser as a generator of one call: noise at one level goes in, the clean sample that it implies comes out.</summary>
/// <param name="denoiser">The network, under autograd where that is on.</param>
/// <param name="level">The level that the noise is taken for, as noisy as the process gets.</param>
public sealed class OneStepGenerator(IDenoiser denoiser, NoiseLevel level)
{
    /// <summary>Generates.</summary>
    /// <param name="noise">Standard normal, [B, C, H, W].</param>
    /// <param name="conditioning">One row for each row.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Generate(Tensor noise, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        Tensor x = noise.Times(level.Sigma), input = x.Times(level.InputScale);
        Tensor output = denoiser.Predict(input, TensorArithmetic.Filled(level.Timestep, noise.device, noise.shape[0]), conditioning);
        PredictionFactors factors = PredictionConversion.Factors(denoiser.Prediction, level);
        return x.Times(factors.SampleOfX).Plus(output.Times(factors.SampleOfOutput)).MoveToOuterDisposeScope();
    }
}
