using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// DPM-Solver, DPM-Solver++, their stochastic forms and DEIS: multistep exponential integrators of order 1 to 3. One evaluation
/// a step; the first steps are of lower order, for there is nothing behind them yet. Over the levels of
/// <see cref="SigmaPath"/> of an <see cref="EdmProcess"/> this is EDM DPM++.
/// </summary>
/// <remarks>
/// Lu et al. 2022, arXiv 2211.01095, algorithm 2 and appendix B; coefficients in <see cref="DpmOptions"/>'s terms:
/// with r_0 = h_0 / h and r_1 = h_1 / h the widths of earlier steps, and m_0, m_1, m_2 the estimates, last first,
/// d_0 = (m_0 - m_1) / r_0, d_1 = (m_1 - m_2) / r_1, D_1 = d_0 in order 2, D_1 = d_0 + r_0 / (r_0 + r_1) (d_0 - d_1) and
/// D_2 = 2 (d_0 - d_1) / (r_0 + r_1) in order 3. Of the stated order for smooth networks, the midpoint's and Heun's order 3
/// less, for their second difference has half the weight that a polynomial has.
/// </remarks>
public sealed class DpmSolver : GridSolver
{
    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly DpmOptions _options;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="levels">From the first to the end, in any coordinates.</param>
    /// <param name="options">Which solver of the family.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public DpmSolver(IReadOnlyList<NoiseLevel> levels, DpmOptions options)
        : base(NoiseInterval.Between(levels).Select(step => step.From)) =>
        (_steps, _options) = (NoiseInterval.Between(levels), options.Validated());

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        (NoiseLevel from, NoiseLevel to) = _steps[state.Position];
        Tensor current = _options.Estimate == DpmEstimate.Sample ? estimate.Sample : estimate.Noise;
        Tensor[] estimates = [current, .. state.Memory.Take(_options.Order - 1)];
        ExponentialStep step = ExponentialStep.Between(from, to, _options.Estimate, _options.Stochastic);
        return (step.Apply(state.X, Terms(step, state.Position, estimates), noise), estimates);
    }

    private IEnumerable<(double Weight, Tensor Estimate)> Terms(ExponentialStep step, int position, Tensor[] m)
    {
        double h = _steps[position].To.LogSnr - _steps[position].From.LogSnr;
        double Width(int back) => (_steps[position - back].To.LogSnr - _steps[position - back].From.LogSnr) / h;
        switch (OrderAt(position))
        {
            case 1:
                return [(step.C0, m[0])];
            case 2:
                double first = (_options.Correction == DpmCorrection.Midpoint ? step.C0 / 2 : step.C1) / Width(1);
                return [(step.C0 + first, m[0]), (-first, m[1])];
            default:
                (double r0, double r1) = (Width(1), Width(2));
                double second = step.C2 * (_options.Correction == DpmCorrection.Polynomial ? 2 : 1);
                double bend = ((step.C1 * r0) + second) / (r0 + r1);
                (double d0, double d1) = ((step.C1 + bend) / r0, -bend / r1);
                return [(step.C0 + d0, m[0]), (d1 - d0, m[1]), (-d1, m[2])];
        }
    }

    private int OrderAt(int position)
    {
        int left = _steps.Count - position;
        bool lowers = _options.LowerOrderFinal && _steps.Count < DpmOptions.FewSteps;
        int most = _steps[position].IsOfFirstOrder || (left == 1 && (lowers || _options.EulerAtFinal)) ? 1 : left == 2 && lowers ? 2 : _options.Order;
        return Math.Min(Math.Min(most, _options.Order), position + 1);
    }
}
