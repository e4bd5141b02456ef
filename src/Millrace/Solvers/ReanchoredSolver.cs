using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// The first-order solver that goes back to the noise that the sample started from: x' = alpha' x_0 + sigma' e with e the initial
/// noise rather than the one that the network now sees. One step, and any number of steps on straight paths, is Euler.
/// </summary>
/// <remarks>Lee et al. 2024, arXiv 2405.20320, section 4.3.</remarks>
/// <param name="steps">The steps; the first must start from pure noise, alpha = 0 or next to it.</param>
public sealed class ReanchoredSolver(IReadOnlyList<NoiseInterval> steps) : GridSolver(steps.Select(step => step.From))
{
    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        NoiseLevel to = steps[state.Position].To;
        Tensor initial = state.Position == 0 ? state.X.Times(1 / steps[0].From.Sigma) : state.Memory[0];
        return (LinearCombination.Of((to.Alpha, estimate.Sample), (to.Sigma, initial)), [initial]);
    }
}
