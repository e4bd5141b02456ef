using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Deterministic DDIM (Song et al. 2020, arXiv 2010.02502, equation 12 with sigma = 0) on evenly spaced timesteps. Immutable: a step is a function of its arguments.</summary>
public sealed class DdimSolver
{
    private readonly IDiffusionProcess _process;

    /// <summary>Lays out the timesteps.</summary>
    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="steps">Number of steps, 1..T.</param>
    public DdimSolver(IDiffusionProcess process, int steps)
    {
        if (steps < 1 || steps > process.TrainTimesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), $"The number of steps must be in 1..{process.TrainTimesteps}, got {steps}.");
        }

        _process = process;
        int spacing = process.TrainTimesteps / steps;
        Timesteps = [.. Enumerable.Range(0, steps).Select(index => ((steps - 1 - index) * spacing) + 1).Select(t => Math.Min(t, process.TrainTimesteps - 1))];
    }

    /// <summary>Training timesteps, from the noise down.</summary>
    public IReadOnlyList<int> Timesteps { get; }

    /// <summary>x at the timestep after: a' x_0 + b' e, with x_0 = (x - b e) / a; after the last step x_0 itself.</summary>
    /// <param name="step">Index into <see cref="Timesteps"/>.</param>
    /// <param name="x">x_t, any shape.</param>
    /// <param name="epsilon">Predicted noise, of the same shape.</param>
    /// <returns>Of the same shape; the caller's to dispose.</returns>
    public Tensor Step(int step, Tensor x, Tensor epsilon)
    {
        using var scope = NewDisposeScope();
        (double alpha, double sigma) = _process.Coefficients(Timesteps[step]);
        (double nextAlpha, double nextSigma) = step + 1 < Timesteps.Count ? _process.Coefficients(Timesteps[step + 1]) : (1, 0);
        Tensor sample = x.Minus(epsilon.Times(sigma)).Times(1 / alpha);
        return sample.Times(nextAlpha).Plus(epsilon.Times(nextSigma)).MoveToOuterDisposeScope();
    }
}
