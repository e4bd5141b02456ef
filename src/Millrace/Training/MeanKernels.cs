using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>Kernels for <see cref="MaximumMeanDiscrepancy"/>.</summary>
public static class MeanKernels
{
    /// <summary>(a.b / D + 1)^3: the kernel of KID (Binkowski et al. 2018, arXiv 1801.01401, section 4).</summary>
    public static Tensor Cubic(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        Tensor linear = Linear(first, second);
        return (linear * linear * linear).MoveToOuterDisposeScope();
    }

    /// <summary>a.b / D + 1: tells means apart and nothing else.</summary>
    public static Tensor Linear(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        return first.matmul(second.t()).Times(1.0 / first.shape[1]).Plus(1).MoveToOuterDisposeScope();
    }

    /// <summary>The mean over the rates g of exp(-g |a - b|^2).</summary>
    /// <param name="rates">Each above 0; several see distances of several sizes.</param>
    /// <exception cref="ArgumentException">Where there is no rate, or one is not above 0.</exception>
    public static MeanKernel Gaussian(params IReadOnlyList<double> rates)
    {
        if (rates.Count == 0 || rates.Any(rate => !(rate > 0)))
        {
            throw new ArgumentException($"There must be rates, each above 0, got {string.Join(", ", rates)}.", nameof(rates));
        }

        return (first, second) =>
        {
            using var scope = NewDisposeScope();
            Tensor squares = first.Squared().sum([1], keepdim: true).Plus(second.Squared().sum([1]).unsqueeze(0)).Minus(first.matmul(second.t()).Times(2)).AtLeast(0.0);
            Tensor sum = squares.Times(-rates[0]).exp();
            foreach (double rate in rates.Skip(1))
            {
                sum = sum.Plus(squares.Times(-rate).exp());
            }

            return sum.Times(1.0 / rates.Count).MoveToOuterDisposeScope();
        };
    }
}
