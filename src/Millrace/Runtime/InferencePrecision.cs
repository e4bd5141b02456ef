using System.Diagnostics;
using static TorchSharp.torch;

namespace Millrace.Runtime;

/// <summary>Which precision this machine is fast in.</summary>
public static class InferencePrecision
{
    private const int Repeats = 5;

    /// <summary>Times a convolution in float32 and bfloat16 and names the faster; takes some tens of milliseconds.</summary>
    public static ScalarType Measure() => Seconds(ScalarType.BFloat16) < Seconds(ScalarType.Float32) ? ScalarType.BFloat16 : ScalarType.Float32;

    private static double Seconds(ScalarType precision)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor Ones(params long[] shape) => ones(shape, dtype: precision).permute(0, 3, 1, 2);
        Tensor input = Ones(1, 32, 32, 64), weight = Ones(64, 3, 3, 64);
        double best = double.PositiveInfinity;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            nn.functional.conv2d(input, weight, padding: [1, 1]).Dispose();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }
}
