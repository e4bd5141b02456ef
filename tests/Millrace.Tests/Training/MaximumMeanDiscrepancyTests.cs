using Millrace.Evaluation;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Training;

public sealed class MaximumMeanDiscrepancyTests
{
    [Fact]
    public void It_is_unbiased()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        double[] values = [.. Enumerable.Range(0, 200).Select(_ =>
        {
            using var inner = NewDisposeScope();
            return MaximumMeanDiscrepancy.Unbiased(randn([20, 3], generator: generator), randn([20, 3], generator: generator), MeanKernels.Cubic).item<double>();
        })];
        MeanEstimate estimate = MeanEstimate.Of(values);
        Assert.InRange(0, estimate.Low - (estimate.High - estimate.Low), estimate.High + (estimate.High - estimate.Low));
        Assert.Contains(values, value => value < 0);
    }

    [Fact]
    public void Gaussians_are_as_far_as_the_closed_form_says()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        const double g = 0.7, s1 = 0.5, s2 = 1.2, shift = 0.8;
        const int d = 2;
        Tensor x = randn([4000, d], generator: generator).Times(s1), y = randn([4000, d], generator: generator).Times(s2).Plus(shift);
        double Mean(double a, double b, double distance) => Math.Pow(1 + (2 * g * ((a * a) + (b * b))), -d / 2.0) * Math.Exp(-g * distance / (1 + (2 * g * ((a * a) + (b * b)))));
        double expected = Mean(s1, s1, 0) + Mean(s2, s2, 0) - (2 * Mean(s1, s2, d * shift * shift));
        Assert.Equal(expected, MaximumMeanDiscrepancy.Unbiased(x, y, MeanKernels.Gaussian(g)).item<double>(), 0.01);
    }

    [Fact]
    public void The_linear_kernel_measures_the_means_and_no_order_matters()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor x = randn([3000, 4], generator: generator), y = randn([3000, 4], generator: generator).Plus(0.5);
        double value = MaximumMeanDiscrepancy.Unbiased(x, y, MeanKernels.Linear).item<double>();
        Assert.Equal(0.25, value, 0.03);
        Assert.Equal(value, MaximumMeanDiscrepancy.Unbiased(y, x.index_select(0, randperm(3000)), MeanKernels.Linear).item<double>(), 1e-9);
    }

    [Fact]
    public void Batches_that_cannot_be_compared_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => MaximumMeanDiscrepancy.Unbiased(randn(1, 2), randn(1, 2), MeanKernels.Cubic));
        Assert.Throws<ArgumentException>(() => MaximumMeanDiscrepancy.Unbiased(randn(3, 2), randn(4, 2), MeanKernels.Cubic));
        Assert.Throws<ArgumentException>(() => MeanKernels.Gaussian());
        Assert.Throws<ArgumentException>(() => MeanKernels.Gaussian(1, 0));
    }

    [Fact]
    public void Precision_recall_density_and_coverage_tell_what_is_missing_from_what_is_false()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        Tensor left = randn([400, 2], generator: generator).Times(0.1), right = left.Plus(5), both = cat([left, right], 0);
        ManifoldScores same = ManifoldScores.Of(both, both.Plus(randn([800, 2], generator: generator).Times(0.01)));
        Assert.True(same.Precision.Value > 0.95 && same.Recall.Value > 0.95 && same.Coverage.Value > 0.95);
        Assert.InRange(same.Density.Mean, 0.85, 1.15);
        Assert.InRange(same.Density.Mean, same.Density.Low, same.Density.High);
        ManifoldScores half = ManifoldScores.Of(both, left.Plus(0.001));
        Assert.True(half.Precision.Value > 0.95 && half.Recall.Value < 0.6 && half.Coverage.Value < 0.6);
        ManifoldScores more = ManifoldScores.Of(left, both);
        Assert.True(more.Precision.Value < 0.6 && more.Recall.Value > 0.95);
        Assert.Throws<ArgumentException>(() => ManifoldScores.Of(left, left.narrow(0, 0, 5)));
    }
}
