using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>The squared maximum mean discrepancy between two batches, without bias: 0 in the mean where both are drawn from one law, and differentiable.</summary>
/// <remarks>
/// Gretton et al. 2012, JMLR 13, equation 3, for batches of one size m: the mean of k(x_i, x_j) and of k(y_i, y_j) over i other than j,
/// less twice the mean of k(x_i, y_j). Computed in float64: the sums of polynomial kernels cancel.
/// </remarks>
public static class MaximumMeanDiscrepancy
{
    /// <summary>Measures.</summary>
    /// <param name="first">[m, D], m at least 2.</param>
    /// <param name="second">[m, D].</param>
    /// <param name="kernel">The kernel.</param>
    /// <returns>A scalar, float64, under autograd; may be negative. The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the batches differ in shape or have fewer than two rows.</exception>
    public static Tensor Unbiased(Tensor first, Tensor second, MeanKernel kernel)
    {
        long m = first.shape[0];
        if (first.Dimensions != 2 || m < 2 || !first.shape.SequenceEqual(second.shape))
        {
            throw new ArgumentException(
                $"Both batches must be [m, D] with m at least 2, got [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}].", nameof(second));
        }

        using var scope = NewDisposeScope();
        Tensor x = first.to(float64), y = second.to(float64);
        Tensor within = Within(kernel(x, x)).Plus(Within(kernel(y, y))).Times(1.0 / (m * (m - 1)));
        return within.Minus(kernel(x, y).sum().Times(2.0 / (m * m))).MoveToOuterDisposeScope();
    }

    private static Tensor Within(Tensor gram) => gram.sum().Minus(gram.diagonal().sum());
}
