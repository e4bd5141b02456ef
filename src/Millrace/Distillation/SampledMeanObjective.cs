using Millrace.Solvers;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Fits a trained denoiser to the few steps it will be sampled with: draws a batch with exactly that sampler, under autograd, and lowers
/// the maximum mean discrepancy between its features and those of data.
/// </summary>
/// <remarks>Aiello et al. 2023, arXiv 2301.07969, equation 5.</remarks>
/// <param name="network">What is trained, in evaluation mode.</param>
/// <param name="denoiser">The network as a denoiser, under autograd.</param>
/// <param name="solver">The few steps; deterministic.</param>
/// <param name="draw">Draws data [m, C, H, W], noise at the solver's first level of the same shape, and conditions.</param>
/// <param name="features">Samples [m, C, H, W] to features [m, D], under autograd; frozen.</param>
/// <param name="kernel">The kernel.</param>
public sealed class SampledMeanObjective(Module network, IDenoiser denoiser, ISolver solver, Func<SeededRandom, CoupledBatch> draw, Func<Tensor, Tensor> features, MeanKernel kernel)
    : IObjective
{
    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("denoiser", network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw drawn)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(drawn.Seed, network.parameters().First().device);
        CoupledBatch batch = draw(random);
        Tensor sample = SamplerGradient.Sample(denoiser, solver, batch.Noise, batch.Conditioning);
        return MaximumMeanDiscrepancy.Unbiased(features(batch.Sample), features(sample), kernel).MoveToOuterDisposeScope();
    }
}
