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

    private readonly DdimSolver _solver = DdimSolver.Leading(process, Steps);
    private readonly ClassifierFreeGuidance _guided = new(denoiser, negative, GuidanceScale);

    /// <summary>Generates from one frame, [1, 3, H, W] to the same shape.</summary>
    public Tensor Generate(Tensor image)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor latent = autoencoder.Encode(image);
        var sampler = new Sampler(_guided, _solver);
        Tensor x = sampler.Begin(like => randn_like(like), latent, fromNoise: false);
        return autoencoder.Decode(sampler.Sample(x, positive, like => randn_like(like))).MoveToOuterDisposeScope();
    }
}
