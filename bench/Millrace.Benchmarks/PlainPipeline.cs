using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>The pipeline that one writes first, which the stream is measured against: one frame at a time, 50 DDIM steps, full guidance, the networks as they are loaded.</summary>
/// <param name="denoiser">Not prepared for inference.</param>
/// <param name="autoencoder">Not prepared for inference.</param>
/// <param name="process">The forward process.</param>
/// <param name="positive">Encoded prompt, one row.</param>
/// <param name="negative">Encoded negative prompt, one row.</param>
internal sealed class PlainPipeline(IDenoiser denoiser, IAutoencoder autoencoder, IDiffusionProcess process, Conditioning positive, Conditioning negative)
{
    private const int Steps = 50;
    private const double GuidanceScale = 7.5;

    private readonly DdimSolver _solver = new(process, Steps);
    private readonly ClassifierFreeGuidance _guided = new(denoiser, negative, GuidanceScale);

    /// <summary>Generates from one frame, [1, 3, H, W] to the same shape.</summary>
    public Tensor Generate(Tensor image)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor latent = autoencoder.Encode(image);
        (double alpha, double sigma) = process.Coefficients(_solver.Timesteps[0]);
        Tensor x = (alpha * latent) + (sigma * randn_like(latent));
        for (int step = 0; step < Steps; step++)
        {
            Tensor t = tensor(new float[] { _solver.Timesteps[step] });
            (Tensor a, Tensor b) = process.Coefficients(t);
            Tensor epsilon = PredictionConversion.ToEpsilon(denoiser.Prediction, _guided.Predict(x, t, positive), x, a, b);
            x = _solver.Step(step, x, epsilon);
        }

        return autoencoder.Decode(x).MoveToOuterDisposeScope();
    }
}
