using Millrace.Compression.Quantization;
using static TorchSharp.torch;

namespace Millrace.Tests.Compression.Quantization;

/// <summary>The identities of even levels and of the search for their range.</summary>
public sealed class UniformQuantizerTests
{
    public static TheoryData<double, double, int> Ranges => new() { { -1, 1, 8 }, { -0.3, 5, 8 }, { 0, 4, 4 }, { -3, 0, 6 }, { 0, 0, 8 }, { 2, 5, 2 } };

    [Theory]
    [MemberData(nameof(Ranges))]
    public void A_number_within_the_range_is_half_a_step_away_at_most_and_levels_are_fixed_points(double low, double high, int bits)
    {
        using var scope = NewDisposeScope();
        UniformQuantizer quantizer = UniformQuantizer.Over(low, high, bits);
        Tensor x = linspace(quantizer.Low, quantizer.High, 1001, dtype: float64), levels = TensorArithmetic.Indices(quantizer.Levels).to(float64);

        Assert.True(quantizer.Apply(x).Minus(x).abs().max().item<double>() <= (quantizer.Scale / 2) + 1e-12);
        Assert.True(quantizer.Quantize(quantizer.Dequantize(levels)).equal(levels).all().item<bool>());
        Assert.Equal(0, quantizer.Apply(zeros(1, dtype: float64)).item<double>());
    }

    [Fact]
    public void The_gradient_is_one_within_the_range_and_zero_outside()
    {
        using var scope = NewDisposeScope();
        UniformQuantizer quantizer = UniformQuantizer.Over(-1, 1, 4);
        Tensor x = tensor(new[] { -3f, -0.9f, 0.01f, 0.4f, 0.9f, 3f }, requires_grad: true);
        quantizer.Apply(x).sum().backward();
        Assert.Equal([0f, 1, 1, 1, 1, 0], x.grad!.data<float>().ToArray());
    }

    [Fact]
    public void A_tiny_step_changes_nothing()
    {
        using var scope = NewDisposeScope();
        Tensor x = rand(100, dtype: float64).Times(1e-7);
        Assert.True(new UniformQuantizer(1e-16, 0, int.MaxValue).Apply(x).Minus(x).abs().max().item<double>() < 1e-15);
    }

    [Theory]
    [InlineData(2, 2.4)]
    [InlineData(4, 2.4)]
    [InlineData(8, 2)]
    public void The_searched_range_is_never_worse_than_the_whole_and_channels_never_worse_than_the_tensor(int bits, double power)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var search = new RangeSearch(power, 100);
        Tensor normal = randn(4000, generator: generator), oneSided = nn.functional.silu(normal.Times(3));
        foreach (Tensor x in new[] { normal, oneSided, ones(10) })
        {
            (Tensor least, Tensor greatest) = x.aminmax();
            double whole = search.Error(x, UniformQuantizer.Over(least.item<float>(), greatest.item<float>(), bits));
            Assert.True(search.Error(x, search.Find(x, bits)) <= whole + 1e-12);
        }

        int top = Math.Max(1, (1 << (bits - 1)) - 1);
        Tensor weights = randn(8, 200, generator: generator) * rand(8, 1, generator: generator);
        double Error(Tensor scales) => weights.Minus((weights / scales).round().Clamped(-top, top) * scales).abs().ToThePower(power).mean().item<float>();
        double channels = Error(search.FindScales(weights, top).unsqueeze(1)), tensorWide = Error(search.FindScales(weights.view(1, -1), top).unsqueeze(1));
        Assert.True(channels <= tensorWide + 1e-9, $"{channels} {tensorWide}");
    }

    [Fact]
    public void Bits_and_ranges_outside_what_is_allowed_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => UniformQuantizer.Over(0, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => UniformQuantizer.Over(0, 1, 9));
        Assert.Throws<ArgumentException>(() => UniformQuantizer.Over(double.NaN, 1, 8));
        Assert.Contains("WeightBits must be from 2 to 8, got 9", Assert.Throws<ArgumentOutOfRangeException>(() => new QuantizationOptions { WeightBits = 9 }.Validate()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new QuantizationOptions { ErrorPower = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new QuantizationOptions { Candidates = 0 }.Validate());
    }
}
