using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>DPM2: the midpoint method in ln sigma, and with eta 1 its ancestral form. Two evaluations a step, one for a last step to sigma 0.</summary>
/// <remarks>
/// Karras et al. 2022, arXiv 2206.00364, algorithm 3 of appendix D, with the intermediate sigma of DPM-Solver-2 (Lu et al. 2022,
/// arXiv 2206.00927, algorithm 1): the geometric mean of both ends. Ancestral: the step aims at
/// sigma_down = sqrt(sigma'^2 - s^2) and adds s z, s = eta (sigma' / sigma) sqrt(sigma^2 - sigma'^2). Order 2 for eta 0.
/// </remarks>
public sealed class Dpm2Solver : GridSolver
{
    private readonly Stage[] _steps;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="path">Variance-exploding coordinates.</param>
    /// <param name="levels">Levels of <paramref name="path"/> from the first to the end.</param>
    /// <param name="eta">0 is deterministic, 1 ancestral; in [0, 1].</param>
    /// <exception cref="ArgumentException">Where the coordinates are not variance-exploding, or eta is outside its range.</exception>
    public Dpm2Solver(SigmaPath path, IReadOnlyList<NoiseLevel> levels, double eta = 0)
        : this(Layout(path, levels, eta))
    {
    }

    private Dpm2Solver(Stage[] steps)
        : base(steps.Select(step => step.At)) => _steps = steps;

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        Stage step = _steps[state.Position];
        if (step.Base is not { } from)
        {
            return (LinearCombination.Of((1, state.X), (step.To - step.At.Sigma, estimate.Noise)), [state.X]);
        }

        Tensor x = LinearCombination.Of((1, state.Memory[0]), (step.To - from, estimate.Noise));
        return (step.Fresh > 0 ? LinearCombination.Of((1, x), (step.Fresh, noise(x))) : x, []);
    }

    private static Stage[] Layout(SigmaPath path, IReadOnlyList<NoiseLevel> levels, double eta)
    {
        if (path.AlphaSlope != 0)
        {
            throw new ArgumentException("DPM2 works in variance-exploding coordinates, alpha = 1; got those of a flow.", nameof(path));
        }

        if (!(eta is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(eta), $"eta must be in [0, 1], got {eta}.");
        }

        return [.. NoiseInterval.Between(levels).SelectMany(interval => Stages(path, interval, eta))];
    }

    private static IEnumerable<Stage> Stages(SigmaPath path, NoiseInterval interval, double eta)
    {
        (double from, double to) = (interval.From.Sigma, interval.To.Sigma);
        if (to == 0)
        {
            return [new Stage(interval.From, 0, null, 0)];
        }

        double fresh = eta * to / from * Math.Sqrt((from * from) - (to * to)), down = Math.Sqrt((to * to) - (fresh * fresh)), middle = Math.Sqrt(from * down);
        return [new Stage(interval.From, middle, null, 0), new Stage(path.At(middle), down, from, fresh)];
    }

    /// <summary>An evaluation at a level, and the step to a sigma that follows it: from where it was evaluated, or from the base of the pair.</summary>
    private readonly record struct Stage(NoiseLevel At, double To, double? Base, double Fresh);
}
