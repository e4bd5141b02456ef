using Millrace.Runtime.Kernels;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime;

/// <summary>The kernels against libtorch's own operators, which stay as their referee.</summary>
public sealed class KernelTests
{
    private const double Float32Bound = 2e-5;

    // bfloat16 keeps 8 bits: half a unit in the last place is 2^-9 of the value.
    private const double BFloat16Bound = 1e-2;

    public static TheoryData<int, int, int, int, int> AttentionShapes => new()
    {
        // batch, heads, queries, keys, head width
        { 1, 1, 1, 1, 16 }, { 2, 4, 5, 3, 16 }, { 1, 2, 8, 16, 32 }, { 2, 8, 64, 77, 32 }, { 1, 3, 300, 257, 48 }, { 1, 2, 520, 513, 64 },
    };

    public static TheoryData<int, int, int, int> GroupShapes => new()
    {
        // batch, channels, groups, side
        { 1, 16, 4, 1 }, { 2, 32, 32, 3 }, { 3, 64, 8, 7 }, { 1, 128, 32, 16 }, { 2, 48, 3, 9 },
    };

    [Theory]
    [MemberData(nameof(AttentionShapes))]
    public void Attention_agrees_with_the_operator_of_libtorch(int batch, int heads, int queries, int keys, int width)
    {
        Assert.SkipUnless(Lanes.Supported, "This machine has no AVX-512.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        Tensor query = randn(batch, queries, heads * width, generator: generator);
        Tensor key = randn(batch, keys, heads * width, generator: generator).Times(3), value = randn(batch, keys, heads * width, generator: generator);
        Tensor expected = Reference(query, key, value, heads);

        Assert.True(RelativeError(Run(query, key, value, heads), expected) < Float32Bound);
        Tensor half = Run(query.to(bfloat16), key.to(bfloat16), value.to(bfloat16), heads);
        Assert.True(RelativeError(half, Reference(Rounded(query), Rounded(key), Rounded(value), heads)) < BFloat16Bound);
    }

    [Fact]
    public void Attention_survives_scores_that_would_overflow_without_the_running_maximum()
    {
        Assert.SkipUnless(Lanes.Supported, "This machine has no AVX-512.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        Tensor query = randn(1, 9, 32, generator: generator).Times(200), key = randn(1, 600, 32, generator: generator).Times(200), value = randn(1, 600, 32, generator: generator);

        Assert.True(RelativeError(Run(query, key, value, 2), Reference(query, key, value, 2)) < 1e-3);
    }

    [Theory]
    [MemberData(nameof(GroupShapes))]
    public void Group_normalization_agrees_with_the_operators_of_libtorch(int batch, int channels, int groups, int side)
    {
        Assert.SkipUnless(Lanes.Supported, "This machine has no AVX-512.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        Tensor x = randn(batch, channels, side, side, generator: generator).Times(3).Plus(50);
        Tensor weight = randn(channels, generator: generator), bias = randn(channels, generator: generator);
        foreach (bool silu in new[] { false, true })
        {
            Tensor expected = nn.functional.group_norm(x.to(float64), groups, weight.to(float64), bias.to(float64), 1e-5);
            expected = (silu ? nn.functional.silu(expected) : expected).to(float32);
            Assert.True(RelativeError(GroupNormalization.Run(x, groups, weight, bias, 1e-5, silu), expected) < 1e-4);

            Tensor rounded = nn.functional.group_norm(Rounded(x), groups, weight, bias, 1e-5);
            rounded = silu ? nn.functional.silu(rounded) : rounded;
            Assert.True(RelativeError(GroupNormalization.Run(x.to(bfloat16), groups, weight, bias, 1e-5, silu), rounded) < BFloat16Bound);
        }
    }

    [Theory]
    [InlineData(1, 1, 16)]
    [InlineData(2, 37, 48)]
    [InlineData(3, 64, 512)]
    public void Gates_agree_with_the_operators_of_libtorch(int batch, int tokens, int width)
    {
        Assert.SkipUnless(Lanes.Supported, "This machine has no AVX-512.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(10);
        Tensor x = randn(batch, tokens, 2 * width, generator: generator).Times(3);
        Tensor Reference(Tensor both) => both.chunk(2, -1)[0] * nn.functional.gelu(both.chunk(2, -1)[1]);

        Assert.True(RelativeError(GatedGelu.Run(x), Reference(x)) < Float32Bound);
        Assert.True(RelativeError(GatedGelu.Run(x.to(bfloat16)), Reference(Rounded(x))) < BFloat16Bound);
    }

    [Fact]
    public void Kernels_leave_no_tensor_behind()
    {
        Assert.SkipUnless(Lanes.Supported, "This machine has no AVX-512.");
        using Tensor tokens = randn(1, 8, 32), context = randn(1, 5, 64), picture = randn(1, 32, 4, 4), weight = ones(32);
        Living.StaysConstant(() =>
        {
            Attention.Run(tokens, context, 2).Dispose();
            GroupNormalization.Run(picture, 4, weight, weight, 1e-5, silu: true).Dispose();
        });
    }

    private static Tensor Run(Tensor query, Tensor key, Tensor value, int heads)
    {
        Tensor attended = Attention.Run(query, cat([key, value], 2), heads);
        if (query.shape.SequenceEqual(key.shape))
        {
            Assert.True(attended.equal(Attention.Run(cat([query, key, value], 2), heads)).all().item<bool>());
        }

        return attended;
    }

    private static Tensor Reference(Tensor query, Tensor key, Tensor value, int heads)
    {
        Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
        return nn.functional.scaled_dot_product_attention(Split(query), Split(key), Split(value)).transpose(1, 2).reshape(query.shape);
    }

    private static Tensor Rounded(Tensor x) => x.to(bfloat16).to(float32);

    private static double RelativeError(Tensor actual, Tensor expected) =>
        (actual.to(float32).Minus(expected).abs().max() / expected.abs().max()).item<float>();
}
