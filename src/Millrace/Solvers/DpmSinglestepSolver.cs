using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Singlestep DPM-Solver and DPM-Solver++ of order 1 to 3: steps of as many evaluations as their order, each evaluation at a level of the grid.</summary>
/// <remarks>
/// Lu et al. 2022, arXiv 2206.00927, algorithms 1 and 2; arXiv 2211.01095, algorithm 1. From the base of a step at lambda_0, with
/// inner estimates at r_1 = (lambda_1 - lambda_0) / h and r_2: order 2, D_1 = (m_1 - m_0) / r_1; order 3,
/// d_1 = (m_1 - m_0) / r_1, d_2 = (m_2 - m_0) / r_2, D_1 = (r_2 d_1 - r_1 d_2) / (r_2 - r_1), D_2 = 2 (d_2 - d_1) / (r_2 - r_1);
/// with the midpoint correction, order 3 takes D_1 = d_2 alone.
/// </remarks>
public sealed class DpmSinglestepSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseLevel> _grid;
    private readonly DpmOptions _options;
    private readonly int[] _orders;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="levels">From the first to the end, in any coordinates.</param>
    /// <param name="options">Which solver of the family; with <see cref="DpmOptions.LowerOrderFinal"/> the last steps are shorter, without it the number of evaluations must be divisible by the order.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range, or the evaluations do not divide.</exception>
    public DpmSinglestepSolver(IReadOnlyList<NoiseLevel> levels, DpmOptions options)
        : base(NoiseInterval.Between(levels).Select(step => step.From))
    {
        (_grid, _options) = (levels, options.Validated());
        int evaluations = levels.Count - 1;
        if (!options.LowerOrderFinal && evaluations % options.Order != 0)
        {
            throw new ArgumentException($"Without lower order at the end, the evaluations must be divisible by the order {options.Order}, got {evaluations}.", nameof(levels));
        }

        _orders = [.. OrdersOf(evaluations, options)];
        if (levels[^1].Sigma == 0 && _orders[^1] > 1)
        {
            throw new ArgumentException("A step to sigma 0 must be of order 1: allow lower order at the end, or end above 0.", nameof(levels));
        }
    }

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        int order = _orders[state.Position], start = state.Position - order + 1;
        Tensor current = _options.Estimate == DpmEstimate.Sample ? estimate.Sample : estimate.Noise;

        // The base of the step comes first, then the estimates in the order in which they were made.
        Tensor[] memory = order == 1 ? [state.X, current] : [.. state.Memory, current];
        ExponentialStep step = ExponentialStep.Between(_grid[start], _grid[state.Position + 1], _options.Estimate, _options.Stochastic);
        return (step.Apply(memory[0], Terms(step, start, order, memory[1..]), noise), memory);
    }

    private IEnumerable<(double Weight, Tensor Estimate)> Terms(ExponentialStep step, int start, int order, Tensor[] m)
    {
        double h = _grid[start + order].LogSnr - _grid[start].LogSnr;
        double Place(int inner) => (_grid[start + inner].LogSnr - _grid[start].LogSnr) / h;
        bool midpoint = _options.Correction == DpmCorrection.Midpoint;
        if (order < 2)
        {
            return [(step.C0, m[0])];
        }

        (double first, double second) = order == 2 ? ((midpoint ? step.C0 / 2 : step.C1) / Place(1), 0)
            : midpoint ? (0, step.C1 / Place(2))
            : Bent(step, Place(1), Place(2));
        return order == 2 ? [(step.C0 - first, m[0]), (first, m[1])] : [(step.C0 - first - second, m[0]), (first, m[1]), (second, m[2])];
    }

    private static (double First, double Second) Bent(ExponentialStep step, double r1, double r2) =>
        (((step.C1 * r2) - (2 * step.C2)) / (r2 - r1) / r1, ((2 * step.C2) - (step.C1 * r1)) / (r2 - r1) / r2);

    /// <summary>The order of the step that each evaluation completes.</summary>
    private static IEnumerable<int> OrdersOf(int evaluations, DpmOptions options)
    {
        int order = options.Order, whole = evaluations / order, rest = evaluations % order;
        IEnumerable<int> Steps(int count, int upTo) => Enumerable.Repeat(Enumerable.Range(1, upTo), count).SelectMany(range => range);
        return !options.LowerOrderFinal || order == 1 ? Steps(whole, order)
            : rest == 0 ? [.. Steps(whole - 1, order), .. Steps(1, order - 1), 1]
            : [.. Steps(whole, order), .. Steps(1, rest)];
    }
}
