using Millrace.Evaluation;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Evaluation;

public sealed class PictureMetricTests
{
    [Fact]
    public void The_Frechet_distance_of_Gaussians_is_that_of_their_moments()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor x = randn([60_000, 3], generator: generator), scale = tensor([0.5f, 1, 2], [1, 3]), shift = tensor([1f, 0, -2], [1, 3]);
        Tensor y = (randn([60_000, 3], generator: generator) * scale).Plus(shift);
        double expected = 5 + (0.5 * 0.5) + (1 * 1.0);
        Assert.Equal(expected, FrechetDistance.Between(x, y), 0.05);
        Assert.Equal(0, FrechetDistance.Between(y, y), 1e-6);
        Assert.Equal(FrechetDistance.Between(x, y), FrechetDistance.Between(y, x), 1e-6);

        // Rotating both, or moving both, changes nothing.
        Tensor angle = tensor([0.6f, -0.8f, 0, 0.8f, 0.6f, 0, 0, 0, 1], [3, 3]);
        Assert.Equal(FrechetDistance.Between(x, y), FrechetDistance.Between(x.matmul(angle).Plus(4), y.matmul(angle).Plus(4)), 1e-3);
    }

    [Fact]
    public void Features_that_do_not_vary_have_a_distance_too()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(4 * 5.0, FrechetDistance.Between(zeros(10, 5), zeros(10, 5).Plus(2)), 1e-9);
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(zeros(1, 5), zeros(10, 5)));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(zeros(4, 5), zeros(4, 6)));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(TensorArithmetic.Filled(double.NaN, CPU, 4, 2), zeros(4, 2)));
    }

    [Fact]
    public void The_kernel_distance_is_nothing_for_one_law_and_knows_a_shift()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        Tensor x = randn([2000, 8], generator: generator), y = randn([2000, 8], generator: generator);
        MeanEstimate same = KernelDistance.Between(x, y), moved = KernelDistance.Between(x, y.Plus(0.5));
        Assert.InRange(same.Mean, -0.01, 0.01);
        Assert.True(moved.Low > 0.2);
        Assert.Equal(KernelDistance.Between(x, y, seed: 3), KernelDistance.Between(x, y, seed: 3));
        Assert.Equal(0.25, KernelDistance.Between(x, y.Plus(0.5), subset: 1000, kernel: MeanKernels.Linear).Mean, 0.03);
        Assert.Throws<ArgumentException>(() => KernelDistance.Between(x, y, subset: 3000));
    }

    [Fact]
    public void Pictures_are_compared_as_the_literature_does()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor picture = nn.functional.interpolate(randn([2, 3, 8, 8], generator: generator), [32, 32]).tanh();
        Assert.All(PictureDistance.PeakSignalToNoise(picture.Plus(0.1), picture), value => Assert.Equal(10 * Math.Log10(4 / 0.01), value, 0.01));
        Assert.All(PictureDistance.PeakSignalToNoise(picture, picture), value => Assert.True(double.IsPositiveInfinity(value)));
        Assert.All(PictureDistance.StructuralSimilarity(picture, picture), value => Assert.Equal(1, value, 1e-9));

        double[] near = PictureDistance.StructuralSimilarity(picture.Plus(randn([2, 3, 32, 32], generator: generator).Times(0.05)), picture);
        double[] far = PictureDistance.StructuralSimilarity(randn([2, 3, 32, 32], generator: generator), picture);
        Assert.All(near, value => Assert.InRange(value, 0.7, 0.999));
        Assert.All(far, value => Assert.InRange(value, -0.2, 0.2));
        Assert.Throws<ArgumentException>(() => PictureDistance.StructuralSimilarity(zeros(1, 3, 10, 32), zeros(1, 3, 10, 32)));
        Assert.Throws<ArgumentException>(() => PictureDistance.PeakSignalToNoise(zeros(1, 3, 8, 8), zeros(1, 3, 8, 9)));
    }

    [Fact]
    public void Structural_similarity_is_the_formula_in_every_window()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor x = rand([1, 1, 11, 11], dtype: float64, generator: generator), y = rand([1, 1, 11, 11], dtype: float64, generator: generator);
        double[] a = x.data<double>().ToArray(), b = y.data<double>().ToArray();
        double[] weights = [.. Enumerable.Range(0, 121).Select(index => Math.Exp(-(Math.Pow((index / 11) - 5, 2) + Math.Pow((index % 11) - 5, 2)) / 4.5))];
        double sum = weights.Sum();
        double Mean(Func<int, double> of) => Enumerable.Range(0, 121).Sum(index => weights[index] / sum * of(index));
        (double mx, double my) = (Mean(index => a[index]), Mean(index => b[index]));
        (double vx, double vy, double xy) = (Mean(index => a[index] * a[index]) - (mx * mx), Mean(index => b[index] * b[index]) - (my * my), Mean(index => a[index] * b[index]) - (mx * my));
        double expected = ((2 * mx * my) + 1e-4) * ((2 * xy) + 9e-4) / (((mx * mx) + (my * my) + 1e-4) * (vx + vy + 9e-4));
        Assert.Equal(expected, PictureDistance.StructuralSimilarity(x, y, range: 1)[0], 1e-9);
    }

    [Fact]
    public void Drawing_again_gives_the_interval_that_theory_gives()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        Tensor x = randn([400, 1], generator: generator), y = randn([400, 1], generator: generator).Plus(1);
        MeanEstimate estimate = Bootstrap.Of(x, y, (a, b) => b.mean().item<float>() - a.mean().item<float>(), resamples: 400);
        double half = 1.96 * Math.Sqrt(2.0 / 400);
        Assert.Equal(2 * half, estimate.High - estimate.Low, 0.3 * half);
        Assert.InRange(estimate.Mean, estimate.Low, estimate.High);
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.Of(x, y, (_, _) => 0, resamples: 5));
    }

    [Fact]
    public void Stored_pictures_are_not_new()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        Tensor training = randn([300, 4], generator: generator), heldOut = randn([300, 4], generator: generator);
        Assert.Equal(0, Novelty.Of(training.narrow(0, 0, 50), training, heldOut), 1e-3);
        Assert.InRange(Novelty.Of(randn([300, 4], generator: generator), training, heldOut), 0.8, 1.2);
        Assert.Throws<ArgumentException>(() => Novelty.Of(heldOut, training, training.narrow(0, 0, 40)));
        Assert.Throws<ArgumentException>(() => Novelty.Of(heldOut, training, zeros(3, 5)));
    }
}
