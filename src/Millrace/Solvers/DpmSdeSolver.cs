using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// DPM-Solver++ SDE: the stochastic single-step solver of order 2 over the estimate of the clean sample. Two evaluations a step, at its
/// start and at the geometric mean of its sigmas; one for a last step to sigma 0.
/// </summary>
/// <remarks>
/// Lu et al. 2022, arXiv 2211.01095, section 3.4 with algorithm 1 of arXiv 2206.00927 (r = 1/2): with h the step in lambda,
/// x_m = e^-h x + (1 - e^-h) D(x) + s_m z_1, then x' = e^-2h x + (1 - e^-2h) D(x_m) + s' z, each s as of <see cref="ExponentialStep"/>. Both
/// noises belong to one Brownian path over sigma: z is z_1 and a second noise, in the shares of the two halves of the step.
/// </remarks>
public sealed class DpmSdeSolver : GridSolver
{
    private readonly Stage[] _stages;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="path">Variance-exploding coordinates.</param>
    /// <param name="levels">Levels of <paramref name="path"/> from the first to the end.</param>
    /// <exception cref="ArgumentException">Where the coordinates are not variance-exploding.</exception>
    public DpmSdeSolver(SigmaPath path, IReadOnlyList<NoiseLevel> levels)
        : this(Layout(path, levels))
    {
    }

    private DpmSdeSolver(Stage[] stages)
        : base(stages.Select(stage => stage.At)) => _stages = stages;

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        (NoiseLevel at, NoiseLevel from, NoiseLevel to) = _stages[state.Position];
        ExponentialStep step = ExponentialStep.Between(from, to, DpmEstimate.Sample, stochastic: true);
        if (at != from)
        {
            (Tensor start, Tensor first) = (state.Memory[0], state.Memory[1]);
            double share = (from.Sigma - at.Sigma) / (from.Sigma - to.Sigma);
            Tensor Path(Tensor like) => LinearCombination.Of((Math.Sqrt(share), first), (Math.Sqrt(1 - share), noise(like)));
            return (step.Apply(start, [(step.C0, estimate.Sample)], Path), []);
        }

        Tensor? drawn = null;
        Tensor x = step.Apply(state.X, [(step.C0, estimate.Sample)], like => drawn = noise(like));
        return (x, drawn is null ? [] : [state.X, drawn]);
    }

    private static Stage[] Layout(SigmaPath path, IReadOnlyList<NoiseLevel> levels)
    {
        if (path.AlphaSlope != 0)
        {
            throw new ArgumentException("DPM-Solver++ SDE works in variance-exploding coordinates, alpha = 1; got those of a flow.", nameof(path));
        }

        return [.. NoiseInterval.Between(levels).SelectMany(step => Stages(path, step.From, step.To))];
    }

    private static IEnumerable<Stage> Stages(SigmaPath path, NoiseLevel from, NoiseLevel to)
    {
        if (to.Sigma == 0)
        {
            return [new Stage(from, from, to)];
        }

        NoiseLevel middle = path.At(Math.Sqrt(from.Sigma * to.Sigma));
        return [new Stage(from, from, middle), new Stage(middle, from, to)];
    }

    /// <summary>An evaluation at a level, and the step that follows it.</summary>
    private readonly record struct Stage(NoiseLevel At, NoiseLevel From, NoiseLevel To);
}
