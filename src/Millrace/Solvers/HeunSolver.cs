using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// Heun's method in sigma: an Euler step, then the same step again with the mean of the slopes at both its ends. Two evaluations
/// a step, one for a last step to sigma 0.
/// </summary>
/// <remarks>
/// Karras et al. 2022, arXiv 2206.00364, algorithm 1; for flows the slope is the velocity e - x_0. Where a step starts with more
/// noise than the one before it ended, the difference is added as fresh noise: x + sqrt(sigma_max^2 - sigma_min^2) z, which
/// makes the solver Restart (Xu et al. 2023, arXiv 2306.14878, algorithm 1), and with <see cref="StochasticChurn"/> algorithm 2 of Karras
/// et al. Order 2; without the second evaluation it is Euler's method, of order 1.
/// </remarks>
public sealed class HeunSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly double _alphaSlope;
    private readonly double _noiseScale;
    private readonly (int Step, bool Corrects)[] _evaluations;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="path">Coordinates of the levels.</param>
    /// <param name="steps">The steps, over levels of <paramref name="path"/>.</param>
    public HeunSolver(SigmaPath path, IReadOnlyList<NoiseInterval> steps)
        : this(path, steps, corrects: true, noiseScale: 1)
    {
    }

    private HeunSolver(SigmaPath path, IReadOnlyList<NoiseInterval> steps, bool corrects, double noiseScale)
        : base(Layout(steps, corrects).Select(evaluation => evaluation.Corrects ? steps[evaluation.Step].To : steps[evaluation.Step].From)) =>
        (_steps, _alphaSlope, _evaluations, _noiseScale) = (steps, path.AlphaSlope, [.. Layout(steps, corrects)], noiseScale);

    /// <summary>The stochastic sampler of EDM: Heun's method, or Euler's, with fresh noise before every step.</summary>
    /// <remarks>A sample starts from noise at the raised first level: what would be added there is part of the noise that it starts from.</remarks>
    /// <param name="path">Variance-exploding coordinates.</param>
    /// <param name="levels">Levels of <paramref name="path"/> from the first to the end.</param>
    /// <param name="churn">How much noise, and where.</param>
    /// <param name="corrects">Whether the slope is evaluated at both ends of a step; else the method is Euler's.</param>
    /// <exception cref="ArgumentException">Where the coordinates are not variance-exploding, or the churn is outside its range.</exception>
    public static HeunSolver Churned(SigmaPath path, IReadOnlyList<NoiseLevel> levels, StochasticChurn churn, bool corrects = true) => path.AlphaSlope == 0
        ? new HeunSolver(path, churn.Validated().Raise(path, levels), corrects, churn.NoiseScale)
        : throw new ArgumentException("Churn works in variance-exploding coordinates, alpha = 1; got those of a flow.", nameof(path));

    /// <summary>Restart: once a sample has come down to the lower sigma of an interval, it goes back up with fresh noise and comes down again.</summary>
    /// <param name="path">Coordinates.</param>
    /// <param name="sigmas">From the most noise to the end.</param>
    /// <param name="intervals">Where to restart; an interval starts at the first sigma at or below its lower one.</param>
    /// <exception cref="ArgumentException">Where an interval is empty, or never reached.</exception>
    public static HeunSolver Restart(SigmaPath path, IReadOnlyList<double> sigmas, params IReadOnlyList<RestartInterval> intervals)
    {
        var steps = new List<NoiseInterval>();
        var reached = new HashSet<RestartInterval>();
        foreach (NoiseInterval step in NoiseInterval.Between([.. sigmas.Select(path.At)]))
        {
            steps.Add(step);
            foreach (RestartInterval interval in intervals.Where(interval => interval.SigmaMin >= step.To.Sigma && step.To.Sigma > 0 && reached.Add(interval)))
            {
                IReadOnlyList<double> again = SigmaGrids.Karras(step.To.Sigma, interval.Validated().SigmaMax, interval.Steps + 1);
                steps.AddRange(Enumerable.Repeat(NoiseInterval.Between([.. again.Select(path.At)]), interval.Times).SelectMany(steps => steps));
            }
        }

        return intervals.FirstOrDefault(interval => !reached.Contains(interval)) is { } missed
            ? throw new ArgumentException($"A restart must lie above the smallest sigma that is not 0, got {missed}.", nameof(intervals))
            : new HeunSolver(path, steps);
    }

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        (int index, bool corrects) = _evaluations[state.Position];
        (NoiseLevel from, NoiseLevel to) = _steps[index];
        Tensor slope = LinearCombination.Of((1, estimate.Noise), (_alphaSlope, estimate.Sample));
        double width = to.Sigma - from.Sigma;
        bool first = !corrects && state.Position + 1 < _evaluations.Length && _evaluations[state.Position + 1].Corrects;
        if (first)
        {
            return (LinearCombination.Of((1, state.X), (width, slope)), [state.X, slope]);
        }

        Tensor x = corrects
            ? LinearCombination.Of((1, state.Memory[0]), (width / 2, state.Memory[1]), (width / 2, slope))
            : LinearCombination.Of((1, state.X), (width, slope));
        return (index + 1 < _steps.Count ? Renoised(x, to, _steps[index + 1].From, noise) : x, []);
    }

    private Tensor Renoised(Tensor x, NoiseLevel at, NoiseLevel wanted, NoiseSource noise)
    {
        if (wanted.Sigma <= at.Sigma)
        {
            return x;
        }

        double ratio = wanted.Alpha / at.Alpha;
        return LinearCombination.Of((ratio, x), (_noiseScale * Math.Sqrt(Math.Pow(wanted.Sigma, 2) - Math.Pow(ratio * at.Sigma, 2)), noise(x)));
    }

    private static IEnumerable<(int Step, bool Corrects)> Layout(IReadOnlyList<NoiseInterval> steps, bool corrects) =>
        Enumerable.Range(0, steps.Count).SelectMany(index => corrects && steps[index].To.Sigma > 0 ? new[] { (index, false), (index, true) } : [(index, false)]);
}
