using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>How much the predicted noise changes along a trajectory; 0 where one DDIM step is exact, however curved the trajectory is in x.</summary>
/// <remarks>Wang et al. 2024, arXiv 2410.07303, theorem 1. Measured as the variance of the predicted noise over the steps.</remarks>
public static class FirstOrderDefect
{
    /// <summary>Measures, along a deterministic sampler's trajectories.</summary>
    /// <param name="denoiser">The denoiser.</param>
    /// <param name="steps">The steps of the trajectory.</param>
    /// <param name="noise">Where the trajectories start, [B, C, H, W], of unit variance.</param>
    /// <param name="conditioning">One row for each trajectory.</param>
    /// <returns>Mean over trajectories and steps of the squared distance from the trajectory's mean noise.</returns>
    public static double Measure(IDenoiser denoiser, IReadOnlyList<NoiseInterval> steps, Tensor noise, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var solver = new DdimSolver(steps);
        var sampler = new Sampler(denoiser, solver);
        var noises = new List<Tensor>();
        SolverState state = solver.Start(noise.Times(solver.First.Sigma));
        while (solver.Next(state) is { } level)
        {
            Estimate estimate = sampler.Ask(state, level, conditioning);
            noises.Add(estimate.Noise);
            state = solver.Step(state, estimate, _ => throw new InvalidOperationException("DDIM adds no noise."));
        }

        Tensor all = stack(noises, 0);
        return all.Minus(all.mean([0], keepdim: true)).Squared().sum([2]).mean().item<float>();
    }
}
