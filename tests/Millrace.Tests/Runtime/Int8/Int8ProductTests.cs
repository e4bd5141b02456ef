using Millrace.Runtime.Kernels.Int8;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Int8;

/// <summary>Convolutions and matrix products over bytes against libtorch in float64 on the same integers.</summary>
public sealed class Int8ProductTests
{
    private static readonly ByteScale Input = new(0.02f, 37), Next = new(0.05f, 90);

    public static TheoryData<string, int, int, int, int, int, int> Shapes
    {
        get
        {
            var shapes = new TheoryData<string, int, int, int, int, int, int>();
            foreach (InstructionPath path in InstructionPaths.Here)
            {
                // batch, channels, outputs, side, kernel, stride
                foreach (int[] s in new[] { new[] { 1, 1, 1, 1, 1, 1 }, [2, 16, 32, 5, 3, 1], [3, 20, 24, 7, 3, 2], [1, 64, 64, 12, 3, 1], [2, 40, 10, 6, 1, 1], [1, 8, 3, 9, 3, 1] })
                {
                    shapes.Add(path.ToString(), s[0], s[1], s[2], s[3], s[4], s[5]);
                }
            }

            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Convolutions_agree_with_libtorch_on_the_same_integers(string path, int batch, int channels, int outputs, int side, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        int padding = kernel / 2;
        Tensor x = randn(batch, channels, side, side + 3, generator: generator), bias = randn(outputs, generator: generator);
        Tensor weights = randint(-127, 128, [outputs, channels, kernel, kernel], generator: generator), scales = rand(outputs, generator: generator).Times(0.01);
        using var product = new Int8Product(weights.permute(0, 2, 3, 1).contiguous().to(int8), scales, bias, Input, stride, padding) { Path = Enum.Parse<InstructionPath>(path) };

        Tensor real = Rounded(x, Input).to(float64), kernels = weights.to(float64) * scales.to(float64).view(-1, 1, 1, 1);
        Tensor expected = nn.functional.conv2d(real, kernels, bias.to(float64), [stride, stride], [padding, padding]);
        Tensor convolved = product.Convolve(x);
        Assert.True(Golden.RelativeError(expected.to(float32), convolved) < 1e-6);

        // As the next product takes them, behind a ReLU, with a border; a step at most where the sum lies between two bytes.
        ByteImage image = Int8Quantization.Run(x, Input, padding + 1), bytes = product.Run(image, Next, 2, ByteActivation.Relu);
        Tensor inner = bytes.Values.narrow(1, 2, bytes.Height).narrow(2, 2, bytes.Width).narrow(3, 0, outputs).permute(0, 3, 1, 2).to(float64);
        Tensor wanted = expected.AtLeast(0.0).Times(1 / (double)Next.Scale).Plus(Next.ZeroPoint).round().Clamped(0, 255);
        Assert.True(inner.Minus(wanted).abs().max().item<double>() <= 1);
        Assert.Equal(Next.ZeroPoint, bytes.Values[0, 0, 0, 0].item<byte>());

        Tensor sum = product.Run(image, ByteActivation.Relu, convolved);
        Assert.True(Golden.RelativeError(expected.Times(2).AtLeast(0.0).to(float32), sum) < 1e-6);
    }

    [Fact]
    public void Matrix_products_agree_with_libtorch_on_the_same_integers()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        Tensor tokens = randn(2, 11, 40, generator: generator), weights = randint(-64, 65, [24, 40], generator: generator), scales = rand(24, generator: generator);
        using var product = new Int8Product(weights.to(int8), scales, null, Input);
        Tensor expected = nn.functional.linear(Rounded(tokens, Input).to(float64), weights.to(float64) * scales.to(float64).unsqueeze(1));
        Assert.True(Golden.RelativeError(expected.to(float32), product.Multiply(tokens)) < 1e-6);
    }

    [Fact]
    public void A_product_leaves_no_tensor_behind_and_serves_several_threads()
    {
        using var scope = NewDisposeScope();
        using Tensor x = randn(1, 16, 6, 6), weights = randint(-64, 65, [16, 3, 3, 16]).to(int8), scales = ones(16);
        using var product = new Int8Product(weights, scales, null, Input, padding: 1);
        using Tensor alone = product.Convolve(x);
        Living.StaysConstant(() => product.Convolve(x).Dispose());
        Parallel.For(0, 16, _ =>
        {
            using Tensor other = product.Convolve(x);
            Assert.True(other.equal(alone).all().item<bool>());
        });
    }

    [Fact]
    public void A_disposed_product_is_refused()
    {
        using Tensor x = randn(1, 8, 2, 2), weights = zeros(8, 1, 1, 8, dtype: int8), scales = ones(8);
        var product = new Int8Product(weights, scales, null, Input);
        product.Dispose();
        Assert.Throws<ObjectDisposedException>(() => product.Convolve(x));
    }

    /// <summary>What the bytes of <paramref name="x"/> stand for.</summary>
    private static Tensor Rounded(Tensor x, ByteScale scale) =>
        x.Times(1 / scale.Scale).Plus(scale.ZeroPoint).round().Clamped(0, 255).Plus(-scale.ZeroPoint).Times((double)scale.Scale);
}
