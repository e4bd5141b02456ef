using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>The Frechet distance between two clouds of features, each taken for a Gaussian.</summary>
/// <remarks>
/// Dowson and Landau 1982, doi 10.1016/0047-259X(82)90077-X; Heusel et al. 2017, arXiv 1706.08500: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)).
/// The trace of the root is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric.
/// </remarks>
public static class FrechetDistance
{
    /// <summary>Measures; the square, as the field reports it.</summary>
    /// <param name="first">Features, [N, D]; N above D, or the covariance says little.</param>
    /// <param name="second">Features, [M, D].</param>
    /// <exception cref="ArgumentException">Where the widths differ, there are fewer than two rows, or a feature is not a finite number.</exception>
    public static double Between(Tensor first, Tensor second)
    {
        if (first.Dimensions != 2 || second.Dimensions != 2 || first.shape[1] != second.shape[1] || Math.Min(first.shape[0], second.shape[0]) < 2)
        {
            throw new ArgumentException(
                $"Features must be [rows, width] of one width and at least two rows, got [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}].", nameof(second));
        }

        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (Tensor mean, Tensor covariance) = Moments(first);
        (Tensor otherMean, Tensor otherCovariance) = Moments(second);
        Tensor root = Root(covariance);
        (Tensor values, _) = linalg.eigh(root.matmul(otherCovariance).matmul(root));
        double trace = covariance.diagonal().sum().item<double>() + otherCovariance.diagonal().sum().item<double>() - (2 * values.AtLeast(0.0).sqrt().sum().item<double>());
        double distance = mean.Minus(otherMean).Squared().sum().item<double>() + trace;
        return double.IsFinite(distance) ? Math.Max(0, distance) : throw new ArgumentException("A feature is NaN or infinite.", nameof(first));
    }

    private static (Tensor Mean, Tensor Covariance) Moments(Tensor features)
    {
        Tensor rows = features.to(float64), mean = rows.mean([0]), centred = rows.Minus(mean);
        return (mean, centred.t().matmul(centred).Times(1.0 / (rows.shape[0] - 1)));
    }

    private static Tensor Root(Tensor covariance)
    {
        (Tensor values, Tensor vectors) = linalg.eigh(covariance);
        return (vectors * values.AtLeast(0.0).sqrt()).matmul(vectors.t());
    }
}
