using Millrace.Distillation;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

public sealed class NoiseAnnealingTests
{
    [Theory]
    [InlineData(NoiseAnnealingShape.Linear, 0)]
    [InlineData(NoiseAnnealingShape.Cosine, 0)]
    [InlineData(NoiseAnnealingShape.Exponential, 0.36788)]
    public void Beta_falls_from_1(NoiseAnnealingShape shape, double end)
    {
        var annealing = new NoiseAnnealing(200, shape);
        Assert.Equal(1, annealing.BetaAt(0));
        Assert.Equal(end, annealing.BetaAt(200), 1e-5);
        Assert.All(Enumerable.Range(0, 400), step => Assert.True(annealing.BetaAt(step + 1) <= annealing.BetaAt(step)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NoiseAnnealing(0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    [InlineData(700)]
    [InlineData(1000)]
    public void Annealed_noise_is_standard_normal_and_as_like_the_pair_as_beta_says(long step)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(2, CPU);
        Tensor stored = random.Normal(100_000, 1, 1, 1);
        var annealing = new NoiseAnnealing(1000);
        Tensor noise = annealing.Apply((_, _) => new CoupledBatch(stored, stored, Conditioning.WithoutText(1)))(step, random).Noise;
        double beta = annealing.BetaAt(step);
        Assert.Equal(1, noise.Squared().mean().item<float>(), 0.02);
        Assert.Equal(Math.Sqrt(1 - (beta * beta)), (noise * stored).mean().item<float>(), 0.02);
        Assert.Equal(step == 1000, noise.Equals(stored));
    }

    [Fact]
    public void At_the_end_only_pairs_are_left_to_the_bit()
    {
        using var scope = NewDisposeScope();
        CoupledBatch Pairs(long step, SeededRandom random) => new(random.Normal(8, 2, 1, 1), random.Normal(8, 2, 1, 1), Conditioning.WithoutText(8));
        using SeededRandom first = new(1, CPU), second = new(1, CPU);
        Assert.True(Pairs(10, first).Noise.Equals(new NoiseAnnealing(10).Apply(Pairs)(10, second).Noise));
    }
}
