using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>The sliced 2-Wasserstein distance between two clouds of points.</summary>
/// <remarks>
/// Bonneel et al. 2015, doi 10.1007/s10851-014-0506-3: the root of the mean over random directions of the squared distance
/// between the projections, which in one dimension is that between the sorted values.
/// </remarks>
public static class SlicedWasserstein
{
    /// <summary>Measures.</summary>
    /// <param name="first">[N, ...]; a row is a point.</param>
    /// <param name="second">[N, ...], of the same shape.</param>
    /// <param name="directions">Number of random directions, at least 1.</param>
    /// <param name="seed">Seed of the directions.</param>
    /// <returns>In the unit of the points.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ, or a value is not a finite number.</exception>
    public static double Distance(Tensor first, Tensor second, int directions = 128, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(directions, 1);
        if (!first.shape.SequenceEqual(second.shape))
        {
            throw new ArgumentException($"Both clouds must have one shape, got [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}].", nameof(second));
        }

        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var generator = new Generator((ulong)seed);
        Tensor a = first.flatten(1).to(float64), b = second.flatten(1).to(float64);
        Tensor direction = nn.functional.normalize(randn([a.shape[1], directions], generator: generator, dtype: float64), dim: 0);
        (Tensor left, _) = sort(a.matmul(direction), dim: 0);
        (Tensor right, _) = sort(b.matmul(direction), dim: 0);
        double square = left.Minus(right).Squared().mean().item<double>();
        return double.IsFinite(square) ? Math.Sqrt(square) : throw new ArgumentException("A point is NaN or infinite.", nameof(first));
    }
}
