using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>The best arithmetic rate that libtorch reaches on this machine: on a large convolution and a large matrix product.</summary>
/// <param name="Convolution">GFLOP/s of a 3 x 3 convolution, 4 x 256 x 32 x 32 to 256 channels, channels-last.</param>
/// <param name="MatrixProduct">GFLOP/s of a product of two 2048 x 2048 matrices.</param>
public sealed record MachineCeiling(double Convolution, double MatrixProduct)
{
    /// <summary>The larger of the two, GFLOP/s.</summary>
    public double Best => Math.Max(Convolution, MatrixProduct);

    /// <summary>Measures; the fastest of several runs, since a ceiling is what can be reached.</summary>
    public static MachineCeiling Measure(ScalarType precision)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor ChannelsLast(params long[] shape) => randn(shape).to(precision).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        Tensor input = ChannelsLast(4, 256, 32, 32), weight = ChannelsLast(256, 256, 3, 3), matrix = randn(2048, 2048).to(precision);
        double convolution = 2.0 * 4 * 256 * 256 * 9 * 32 * 32, product = 2.0 * 2048 * 2048 * 2048;
        return new MachineCeiling(
            convolution / Fastest(() => nn.functional.conv2d(input, weight, padding: [1, 1]).Dispose()) / 1e6,
            product / Fastest(() => matrix.mm(matrix).Dispose()) / 1e6);
    }

    private static double Fastest(Action call) => Enumerable.Range(0, 12).Min(_ => Timing.MedianMilliseconds(call, repeats: 1, warmUp: 1));
}
