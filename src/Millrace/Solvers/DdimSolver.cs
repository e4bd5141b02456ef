using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// The first-order solver: x' = alpha' x_0 + sqrt(sigma'^2 - s^2) e + s z, z fresh noise. In the coordinates of the network it is
/// DDIM; over the levels of a <see cref="SigmaPath"/> it is the Euler method, for flows too; with eta 1 it is DDPM's
/// ancestral sampling, in variance-exploding coordinates Euler ancestral.
/// </summary>
/// <remarks>
/// Song et al. 2020, arXiv 2010.02502, equations 12 and 16: s = eta (sigma' / sigma) sqrt(sigma^2 - (alpha / alpha')^2 sigma'^2),
/// written for any alpha and sigma. Ho et al. 2020, arXiv 2006.11239, algorithm 2. Karras et al. 2022, arXiv 2206.00364,
/// algorithm 1 without its second-order correction. Order 1.
/// </remarks>
public sealed class DdimSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly double _eta;
    private readonly AncestralVariance _variance;

    /// <summary>Lays out the steps.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="eta">0 is deterministic, 1 adds as much noise as the forward process took away; in [0, 1].</param>
    /// <param name="variance">Variance of the noise for eta 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where eta is outside its range.</exception>
    public DdimSolver(IReadOnlyList<NoiseInterval> steps, double eta = 0, AncestralVariance variance = AncestralVariance.Posterior)
        : base(steps.Select(step => step.From))
    {
        if (!(eta is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(eta), $"eta must be in [0, 1], got {eta}.");
        }

        (_steps, _eta, _variance) = (steps, eta, variance);
    }

    /// <summary>Deterministic DDIM on the leading timesteps of a process, offset by one, as Stable Diffusion is sampled.</summary>
    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="steps">Number of steps, 1..T.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the number of steps is outside its range.</exception>
    public static DdimSolver Leading(IDiffusionProcess process, int steps)
    {
        IReadOnlyList<double> timesteps = TimestepGrids.Spaced(TimestepSpacing.Leading, steps, process.TrainTimesteps, offset: 1);
        return new DdimSolver(NoiseInterval.Between(
            [.. timesteps.Select(timestep => process.LevelAt(Math.Min(timestep, process.TimeRange.Last))), new NoiseLevel(0, 1, 0)]));
    }

    /// <summary>DDIM run backwards, from a clean sample to its noise: x at one level is the same combination of x_0 and e as at the next noisier one.</summary>
    /// <remarks>Mokady et al. 2022, arXiv 2211.09794, section 3.1, where the network is asked with the time that x arrives at.</remarks>
    /// <param name="levels">From the most noise to the end, as for sampling.</param>
    public static DdimSolver Inversion(IReadOnlyList<NoiseLevel> levels)
    {
        NoiseLevel[] rising = [.. levels.Reverse()];
        return new DdimSolver([.. NoiseInterval.Between(rising).Select(step => step with { From = step.From with { Timestep = step.To.Timestep } })]);
    }

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        (NoiseLevel from, NoiseLevel to) = _steps[state.Position];
        double forward = ForwardVariance(from, to), posterior = from.Sigma > 0 ? to.Sigma * to.Sigma * forward / (from.Sigma * from.Sigma) : 0;
        double kept = Math.Sqrt(Math.Max(0, (to.Sigma * to.Sigma) - (_eta * _eta * posterior)));
        double fresh = _eta * Math.Sqrt(_variance == AncestralVariance.Forward && from.Timestep > 0 ? forward : posterior);
        Tensor x = LinearCombination.Of((to.Alpha, estimate.Sample), (kept, estimate.Noise));
        return (fresh > 0 ? LinearCombination.Of((1, x), (fresh, noise(x))) : x, []);
    }

    /// <summary>Variance that the forward process adds from the cleaner level to the noisier one.</summary>
    private static double ForwardVariance(NoiseLevel from, NoiseLevel to) =>
        Math.Max(0, (from.Sigma * from.Sigma) - Math.Pow(from.Alpha / to.Alpha * to.Sigma, 2));
}
