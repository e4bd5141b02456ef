using Millrace.Evaluation;
using static TorchSharp.torch;

namespace Millrace.Tests.Evaluation;

public sealed class DistanceTests
{
    [Fact]
    public void A_shift_is_as_far_as_its_share_of_a_direction()
    {
        using var scope = NewDisposeScope();
        Tensor points = randn(5000, 2), shift = tensor([3f, 4f], [1, 2]);
        Assert.Equal(5 / Math.Sqrt(2), SlicedWasserstein.Distance(points, points.Plus(shift), directions: 4000), 0.05);
        Assert.Equal(0, SlicedWasserstein.Distance(points, points.index_select(0, randperm(5000)), directions: 8), 1e-9);
    }

    [Fact]
    public void In_one_dimension_it_is_the_distance_of_the_sorted_values()
    {
        using var scope = NewDisposeScope();
        Tensor a = tensor([3f, 1f, 2f], [3, 1]), b = tensor([2f, 4f, 7f], [3, 1]);
        Assert.Equal(Math.Sqrt((1 + 4 + 16) / 3.0), SlicedWasserstein.Distance(a, b, directions: 3), 1e-9);
    }

    [Fact]
    public void Clouds_that_cannot_be_compared_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => SlicedWasserstein.Distance(randn(3, 2), randn(4, 2)));
        Assert.Throws<ArgumentException>(() => SlicedWasserstein.Distance(randn(3, 2), TensorArithmetic.Filled(double.NaN, CPU, 3, 2)));
    }

    [Fact]
    public void The_interval_of_a_mean_is_Students()
    {
        MeanEstimate estimate = MeanEstimate.Of(1, 2, 3);
        Assert.Equal(2, estimate.Mean);
        Assert.Equal(2 - (4.303 / Math.Sqrt(3)), estimate.Low, 1e-9);
        Assert.Equal("2 (-0.484 to 4.48)", estimate.ToString());
        Assert.Equal(new MeanEstimate(7, 7, 7), MeanEstimate.Of(7.0));
        Assert.Throws<ArgumentException>(() => MeanEstimate.Of());
    }
}
