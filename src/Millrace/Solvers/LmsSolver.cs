using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Linear multistep in sigma (Adams-Bashforth for uneven steps): the slopes of the last evaluations, interpolated by a polynomial and integrated exactly.</summary>
/// <remarks>
/// Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, section III.5. x' = x + sum_k d_k integral of L_k over
/// [sigma, sigma'], L_k the Lagrange polynomials of the last sigmas. Of its order once as many evaluations are behind it.
/// </remarks>
public sealed class LmsSolver : GridSolver
{
    private const int MostOrder = 4;

    private readonly IReadOnlyList<NoiseInterval> _steps;
    private readonly double _alphaSlope;
    private readonly int _order;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="path">Coordinates of the levels.</param>
    /// <param name="levels">Levels of <paramref name="path"/> from the first to the end.</param>
    /// <param name="order">Slopes that are used, 1..4.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the order is outside its range.</exception>
    public LmsSolver(SigmaPath path, IReadOnlyList<NoiseLevel> levels, int order = MostOrder)
        : base(NoiseInterval.Between(levels).Select(step => step.From))
    {
        if (order is < 1 or > MostOrder)
        {
            throw new ArgumentOutOfRangeException(nameof(order), $"The order must be in 1..{MostOrder}, got {order}.");
        }

        (_steps, _alphaSlope, _order) = (NoiseInterval.Between(levels), path.AlphaSlope, order);
    }

    private protected override (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise)
    {
        Tensor slope = LinearCombination.Of((1, estimate.Noise), (_alphaSlope, estimate.Sample));
        Tensor[] slopes = [slope, .. state.Memory.Take(_order - 1)];
        double[] sigmas = [.. slopes.Select((_, back) => Levels[state.Position - back].Sigma)];
        (double Weight, Tensor Slope)[] terms =
            [(1, state.X), .. slopes.Select((value, index) => (LagrangePolynomial.Integral(sigmas, index, _steps[state.Position].To.Sigma), value))];
        return (LinearCombination.Of(terms), slopes);
    }
}
