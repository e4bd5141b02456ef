using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Trajectory consistency distillation's strategic stochastic sampling: down to a level below the next one, and from there up to it with fresh noise.</summary>
/// <remarks>
/// Zheng et al. 2024, arXiv 2402.19159, algorithm 4: s = (1 - gamma) t', x_s = alpha_s x_0 + sigma_s e,
/// x' = (alpha' / alpha_s) x_s + sqrt(sigma'^2 - (alpha' / alpha_s)^2 sigma_s^2) z; the last step stays at s.
/// </remarks>
public sealed class TcdSolver : GridSolver
{
    private readonly NoiseLevel[] _levels;
    private readonly NoiseLevel[] _landings;

    /// <summary>Lays out the steps.</summary>
    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="timesteps">From the noise down, at least one.</param>
    /// <param name="gamma">0 is deterministic, 1 goes through the clean sample every time; in [0, 1].</param>
    /// <exception cref="ArgumentOutOfRangeException">Where gamma is outside its range.</exception>
    public TcdSolver(IDiffusionProcess process, IReadOnlyList<int> timesteps, double gamma = 0.3)
        : base(timesteps.Select(timestep => process.LevelAt(timestep)))
    {
        if (!(gamma is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(gamma), $"gamma must be in [0, 1], got {gamma}.");
        }

        int[] arrivals = [.. timesteps.Skip(1), 0];
        _levels = [.. arrivals.Select(timestep => process.LevelAt(timestep))];
        _landings = [.. arrivals.Select(timestep => process.LevelAt(Math.Floor((1 - gamma) * timestep)))];
    }

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        (NoiseLevel to, NoiseLevel landing) = (_levels[state.Position], _landings[state.Position]);
        double ratio = to.Alpha / landing.Alpha, fresh = Math.Sqrt(Math.Max(0, Math.Pow(to.Sigma, 2) - Math.Pow(ratio * landing.Sigma, 2)));
        Tensor x = LinearCombination.Of((landing.Alpha, estimate.Sample), (landing.Sigma, estimate.Noise));
        return (fresh > 0 ? LinearCombination.Of((ratio, x), (fresh, noise(x))) : x, []);
    }
}
