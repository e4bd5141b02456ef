using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>More weight on both ends: p(t) proportional to exp(a t) + exp(a (1 - t)).</summary>
/// <remarks>
/// Lee et al. 2024, arXiv 2405.20320, section 4.1, written symmetrically. u = ln(1 + (e^a - 1) r) / a has the density
/// a e^(a u) / (e^a - 1) for uniform r; half of the draws are mirrored.
/// </remarks>
public sealed record UShapedTimeLaw : TimeLaw
{
    private const double Margin = 1e-5; // at the very ends conversions between predictions divide by zero

    /// <summary>Chooses the curvature.</summary>
    /// <param name="curvature">a, above 0; near 0 it is uniform.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where a is not above 0 and finite.</exception>
    public UShapedTimeLaw(double curvature = 4) => Curvature = curvature > 0 && double.IsFinite(curvature)
        ? curvature
        : throw new ArgumentOutOfRangeException(nameof(curvature), $"The curvature must be above 0, got {curvature}.");

    /// <summary>a.</summary>
    public double Curvature { get; }

    /// <inheritdoc/>
    public override Tensor Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor rising = random.Uniform(count).Times(Math.Exp(Curvature) - 1).log1p().Times(1 / Curvature);
        Tensor time = where(random.Uniform(count).IsBelow(0.5), rising, rising.TakenFrom(1));
        return time.Clamped(Margin, 1 - Margin).MoveToOuterDisposeScope();
    }
}
