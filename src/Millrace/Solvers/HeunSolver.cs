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
/// makes the solver Restart (Xu et al. 2023, arXiv 2306.14878, algorithm 1). Order 2.
/// </remarks>
public sealed class HeunSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly double _alphaSlope;
    private readonly (int Step, bool Corrects)[] _evaluations;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="path">Coordinates of the levels.</param>
    /// <param name="steps">The steps, over levels of <paramref name="path"/>.</param>
    public HeunSolver(SigmaPath path, IReadOnlyList<NoiseInterval> steps)
        : base(Layout(steps).Select(evaluation => evaluation.Corrects ? steps[evaluation.Step].To : steps[evaluation.Step].From)) =>
        (_steps, _alphaSlope, _evaluations) = (steps, path.AlphaSlope, [.. Layout(steps)]);

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
        if (!corrects && to.Sigma > 0)
        {
            return (LinearCombination.Of((1, state.X), (width, slope)), [state.X, slope]);
        }

        Tensor x = corrects
            ? LinearCombination.Of((1, state.Memory[0]), (width / 2, state.Memory[1]), (width / 2, slope))
            : LinearCombination.Of((1, state.X), (width, slope));
        return (index + 1 < _steps.Count ? Renoised(x, to, _steps[index + 1].From, noise) : x, []);
    }

    private static Tensor Renoised(Tensor x, NoiseLevel at, NoiseLevel wanted, NoiseSource noise)
    {
        if (wanted.Sigma <= at.Sigma)
        {
            return x;
        }

        double ratio = wanted.Alpha / at.Alpha;
        return LinearCombination.Of((ratio, x), (Math.Sqrt(Math.Pow(wanted.Sigma, 2) - Math.Pow(ratio * at.Sigma, 2)), noise(x)));
    }

    private static IEnumerable<(int Step, bool Corrects)> Layout(IReadOnlyList<NoiseInterval> steps) =>
        Enumerable.Range(0, steps.Count).SelectMany(index => steps[index].To.Sigma > 0 ? new[] { (index, false), (index, true) } : [(index, false)]);
}
