using System.Collections.Immutable;
using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// The adaptive Runge-Kutta pair of orders 5 and 4 over sigma: as many evaluations as the tolerance asks for, which
/// <see cref="SolverState.Position"/> counts. The rows of a batch share their steps; <see cref="Sampler"/> therefore runs them one by one.
/// </summary>
/// <remarks>
/// Dormand and Prince 1980, A family of embedded Runge-Kutta formulae, table 2; step control of Hairer, Norsett and Wanner, Solving
/// Ordinary Differential Equations I, section II.4. The way from the last sigma to 0 is one Euler step, whose slope is known by then.
/// </remarks>
public sealed class RungeKutta45Solver : ISolver
{
    private const double Safety = 0.9, LeastFactor = 0.2, MostFactor = 10;
    private const double FirstShare = 0.01;

    private static readonly double[] Nodes = [0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1];

    private static readonly double[][] Weights =
    [
        [],
        [1.0 / 5],
        [3.0 / 40, 9.0 / 40],
        [44.0 / 45, -56.0 / 15, 32.0 / 9],
        [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
        [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
        [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
    ];

    private static readonly double[] ErrorWeights =
        [71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40];

    private readonly SigmaPath _path;
    private readonly double _start;
    private readonly double _end;
    private readonly double _tolerance;

    /// <summary>Describes the way.</summary>
    /// <param name="path">Coordinates.</param>
    /// <param name="sigmaMax">Where it starts.</param>
    /// <param name="sigmaMin">Where the adaptive steps end, above 0, below <paramref name="sigmaMax"/>.</param>
    /// <param name="tolerance">Error allowed to a step, relative and absolute, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public RungeKutta45Solver(SigmaPath path, double sigmaMax, double sigmaMin, double tolerance = 1e-4)
    {
        if (!(sigmaMin > 0 && sigmaMax > sigmaMin && double.IsFinite(sigmaMax)))
        {
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), $"sigma must satisfy 0 < smallest < largest, got {sigmaMin} and {sigmaMax}.");
        }

        if (!(tolerance > 0 && double.IsFinite(tolerance)))
        {
            throw new ArgumentOutOfRangeException(nameof(tolerance), $"The tolerance must be above 0, got {tolerance}.");
        }

        (_path, _start, _end, _tolerance) = (path, sigmaMax, sigmaMin, tolerance);
    }

    /// <inheritdoc/>
    public NoiseLevel First => _path.At(_start);

    /// <inheritdoc/>
    public int? Evaluations => null;

    /// <inheritdoc/>
    public SolverState Start(Tensor x) => new AdaptiveState(0, x.alias(), [x.alias()], _start, FirstShare * (_end - _start));

    /// <inheritdoc/>
    public NoiseLevel? Next(SolverState state)
    {
        var at = (AdaptiveState)state;
        return at.Sigma > 0 ? _path.At(at.Sigma + (Nodes[at.Memory.Length - 1] * at.Width)) : null;
    }

    /// <inheritdoc/>
    public SolverState Step(SolverState state, Estimate estimate, NoiseSource noise)
    {
        using var scope = NewDisposeScope();
        var at = (AdaptiveState)state;

        // Memory: x where the step started, then the slopes.
        Tensor start = at.Memory[0];
        Tensor[] slopes = [.. at.Memory[1..], LinearCombination.Of((1, estimate.Noise), (_path.AlphaSlope, estimate.Sample))];
        if (slopes.Length < Nodes.Length)
        {
            return At(at, Moved(start, at.Width, Weights[slopes.Length], slopes), start, slopes, at.Sigma, at.Width);
        }

        double error = Error(start, at.X, LinearCombination.Of([.. Scaled(at.Width, ErrorWeights, slopes)]));
        double width = at.Width * Math.Clamp(Safety * Math.Pow(error, -0.2), LeastFactor, MostFactor);
        if (error > 1)
        {
            return Attempt(at, start, slopes[0], at.Sigma, width);
        }

        double sigma = at.Sigma + at.Width;
        return sigma > _end * (1 + 1e-9)
            ? Attempt(at, at.X, slopes[^1], sigma, width)
            : At(at, LinearCombination.Of((1, at.X), (-sigma, slopes[^1])), at.X, [], 0, 0);
    }

    /// <summary>A step whose first slope is known, so that its second evaluation comes next.</summary>
    private AdaptiveState Attempt(AdaptiveState from, Tensor start, Tensor slope, double sigma, double width)
    {
        double most = Math.Max(width, _end - sigma);
        return At(from, Moved(start, most, Weights[1], [slope]), start, [slope], sigma, most);
    }

    private static AdaptiveState At(AdaptiveState from, Tensor x, Tensor start, Tensor[] slopes, double sigma, double width) =>
        new(from.Position + 1, SolverState.Own(x), [SolverState.Own(start), .. slopes.Select(SolverState.Own)], sigma, width);

    private static Tensor Moved(Tensor start, double width, double[] weights, Tensor[] slopes) =>
        LinearCombination.Of([(1, start), .. Scaled(width, weights, slopes)]);

    private static IEnumerable<(double Weight, Tensor Slope)> Scaled(double width, double[] weights, Tensor[] slopes) =>
        weights.Zip(slopes, (weight, slope) => (width * weight, slope));

    /// <summary>The root mean square of error over tolerance, of the worst row.</summary>
    private double Error(Tensor before, Tensor after, Tensor error)
    {
        Tensor allowed = before.abs().maximum(after.abs()).Plus(1).Times(_tolerance);
        double square = (error / allowed).Squared().flatten(1).mean([1]).max().to(float64).item<double>();
        return double.IsFinite(square)
            ? Math.Max(Math.Sqrt(square), 1e-12)
            : throw new InvalidOperationException("The network's output is not finite, so that no step is small enough.");
    }

    private sealed record AdaptiveState(int Position, Tensor X, ImmutableArray<Tensor> Memory, double Sigma, double Width)
        : SolverState(Position, X, Memory);
}
