using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Multistep consistency sampling: to the clean sample, and back up to the next level with fresh noise; the last step stays clean.</summary>
/// <remarks>Luo et al. 2023, arXiv 2310.04378, algorithm 3, with the boundary functions of <see cref="ConsistencyLevel"/>.</remarks>
public sealed class LcmSolver : GridSolver
{
    private readonly IReadOnlyList<ConsistencyLevel> _steps;

    /// <summary>Lays out the steps.</summary>
    /// <param name="levels">From the noise down, at least one; <see cref="LcmTimesteps"/> has the timesteps of the paper.</param>
    public LcmSolver(IReadOnlyList<ConsistencyLevel> levels)
        : base(levels.Select(level => new NoiseLevel(level.Timestep, level.Alpha, level.Sigma))) => _steps = levels;

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        ConsistencyLevel at = _steps[state.Position];
        Tensor sample = LinearCombination.Of((at.Out, estimate.Sample), (at.Skip, state.X));
        return (state.Position + 1 == _steps.Count ? sample
            : LinearCombination.Of((_steps[state.Position + 1].Alpha, sample), (_steps[state.Position + 1].Sigma, noise(sample))), []);
    }
}
