using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>The kernel distance between two clouds of features: unbiased, so that small sets can be compared.</summary>
/// <remarks>Binkowski et al. 2018, arXiv 1801.01401, section 4: the maximum mean discrepancy with the cubic kernel, over random subsets.</remarks>
public static class KernelDistance
{
    /// <summary>Measures, with an interval over the subsets.</summary>
    /// <param name="first">Features, [N, D].</param>
    /// <param name="second">Features, [M, D].</param>
    /// <param name="subset">Rows of a subset, at least 2; no more than either has.</param>
    /// <param name="subsets">Subsets, at least 1.</param>
    /// <param name="seed">Seed of the subsets.</param>
    /// <param name="kernel">The kernel; null for the cubic one.</param>
    /// <exception cref="ArgumentException">Where the widths differ or there are too few rows.</exception>
    public static MeanEstimate Between(Tensor first, Tensor second, int subset = 100, int subsets = 50, long seed = 0, MeanKernel? kernel = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(subsets, 1);
        if (first.Dimensions != 2 || second.Dimensions != 2 || first.shape[1] != second.shape[1] || subset < 2 || subset > Math.Min(first.shape[0], second.shape[0]))
        {
            throw new ArgumentException(
                $"Features must be [rows, width] of one width and at least {Math.Max(2, subset)} rows, got [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}].", nameof(second));
        }

        using IDisposable noGrad = no_grad();
        using var generator = new Generator((ulong)seed);
        var values = new double[subsets];
        for (int index = 0; index < subsets; index++)
        {
            using var scope = NewDisposeScope();
            Tensor Drawn(Tensor features) => features.index_select(0, randperm(features.shape[0], generator: generator).narrow(0, 0, subset));
            values[index] = MaximumMeanDiscrepancy.Unbiased(Drawn(first), Drawn(second), kernel ?? MeanKernels.Cubic).item<double>();
        }

        return MeanEstimate.Of(values);
    }
}
