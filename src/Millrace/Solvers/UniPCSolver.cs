using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>UniPC: a multistep predictor whose arrival is corrected with the next evaluation, at no further cost.</summary>
/// <remarks>
/// Zhao et al. 2023, arXiv 2302.04867, algorithms 5 to 8: x' = Scale x + (m_0 term) + B(h) sum_k rho_k (m_k - m_0) / r_k, where
/// rho solves R rho = b of theorem 3.1; with h' = -h for estimates of the sample and h for those of the noise, B(h) is h' or
/// e^h' - 1. Order p for the predictor, p + 1 with the corrector.
/// </remarks>
public sealed class UniPCSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly UniPCOptions _options;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="levels">From the first to the end, in any coordinates.</param>
    /// <param name="options">Which solver of the family.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public UniPCSolver(IReadOnlyList<NoiseLevel> levels, UniPCOptions options)
        : base(NoiseInterval.Between(levels).Select(step => step.From)) =>
        (_steps, _options) = (NoiseInterval.Between(levels), options.Validated());

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        int position = state.Position;
        Tensor current = _options.Estimate == DpmEstimate.Sample ? estimate.Sample : estimate.Noise;
        bool corrects = position > 0 && !_options.UncorrectedSteps.Contains(position - 1);

        // Memory: x where the last step started, then the estimates, last first.
        Tensor x = corrects ? Move(position - 1, state.Memory[0], [.. state.Memory[1..]], current) : state.X;
        Tensor[] estimates = [current, .. state.Memory.Skip(1).Take(_options.Order - 1)];
        return (Move(position, x, estimates, arrival: null), [x, .. estimates]);
    }

    /// <summary>The step of a position, as predictor, or with an estimate at its arrival as corrector.</summary>
    private Tensor Move(int position, Tensor x, Tensor[] m, Tensor? arrival)
    {
        (NoiseLevel from, NoiseLevel to) = _steps[position];
        ExponentialStep step = ExponentialStep.Between(from, to, _options.Estimate, stochastic: false);
        int order = OrderAt(position);
        double h = to.LogSnr - from.LogSnr, signed = _options.Estimate == DpmEstimate.Sample ? -h : h;
        double[] places = [.. Enumerable.Range(1, order - 1).Select(back => (_steps[position - back].From.LogSnr - from.LogSnr) / h)];
        double scale = _options.Basis == UniPCBasis.Linear ? signed : signed * PhiFunction.Of(1, signed);
        double outer = -(_options.Estimate == DpmEstimate.Sample ? to.Alpha : to.Sigma) * scale;

        double[] nodes = arrival is null ? places : [.. places, 1];
        double[] rho = nodes.Length == 0 ? [] : nodes.Length == 1 ? [0.5] : Solve(nodes, signed, scale);
        IEnumerable<(double Weight, Tensor Value)> differences = nodes.Select((place, index) => (outer * rho[index] / place, index < places.Length ? m[index + 1] : arrival!));
        (double Weight, Tensor Value)[] terms = [.. differences];
        return LinearCombination.Of([(step.Scale, x), (step.C0 - terms.Sum(term => term.Weight), m[0]), .. terms]);
    }

    private int OrderAt(int position)
    {
        int most = _options.LowerOrderFinal ? Math.Min(_options.Order, _steps.Count - position) : _options.Order;
        return Math.Min(_steps[position].IsOfFirstOrder ? 1 : most, position + 1);
    }

    /// <summary>rho of the equations sum_k rho_k r_k^(n-1) = b_n, b_n = n! h' phi_(n+1)(h') / B.</summary>
    private static double[] Solve(double[] nodes, double signed, double scale)
    {
        var right = new double[nodes.Length];
        double factorial = 1;
        for (int row = 0; row < nodes.Length; row++)
        {
            right[row] = factorial * signed * PhiFunction.Of(row + 2, signed) / scale;
            factorial *= row + 2;
        }

        return VandermondeSystem.Solve(nodes, right);
    }
}
