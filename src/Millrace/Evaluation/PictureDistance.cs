using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation;

/// <summary>How near each picture of one batch is to the same picture of another.</summary>
public static class PictureDistance
{
    private const int Window = 11;
    private const double Deviation = 1.5, K1 = 0.01, K2 = 0.03;

    /// <summary>Peak signal-to-noise ratio, in decibel: 10 log10(range^2 / mean squared error); infinite for equal pictures.</summary>
    /// <param name="found">[B, C, H, W].</param>
    /// <param name="wanted">[B, C, H, W].</param>
    /// <param name="range">Largest less least possible value: 2 for pictures in [-1, 1].</param>
    /// <returns>One for each row.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ.</exception>
    public static double[] PeakSignalToNoise(Tensor found, Tensor wanted, double range = 2)
    {
        Check(found, wanted, 1);
        using var scope = NewDisposeScope();
        Tensor error = found.to(float64).Minus(wanted.to(float64)).Squared().flatten(1).mean([1]);
        return [.. error.data<double>().ToArray().Select(square => 10 * Math.Log10(range * range / square))];
    }

    /// <summary>Structural similarity: 1 for equal pictures, about 0 for unrelated ones.</summary>
    /// <remarks>Wang et al. 2004, doi 10.1109/TIP.2003.819861, equation 13, with its Gaussian window of 11 pixels and deviation 1.5, over whole windows, each channel by itself.</remarks>
    /// <param name="found">[B, C, H, W], H and W at least 11.</param>
    /// <param name="wanted">[B, C, H, W].</param>
    /// <param name="range">Largest less least possible value: 2 for pictures in [-1, 1].</param>
    /// <returns>One for each row.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ or are too small.</exception>
    public static double[] StructuralSimilarity(Tensor found, Tensor wanted, double range = 2)
    {
        Check(found, wanted, Window);
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long channels = found.shape[1], rows = found.shape[0];
        Tensor x = found.to(float64).flatten(0, 1).unsqueeze(1), y = wanted.to(float64).flatten(0, 1).unsqueeze(1), window = Gaussian();
        Tensor Blur(Tensor picture) => functional.conv2d(picture, window);
        Tensor meanX = Blur(x), meanY = Blur(y);
        Tensor varianceX = Blur(x.Squared()).Minus(meanX.Squared()), varianceY = Blur(y.Squared()).Minus(meanY.Squared()), together = Blur(x * y).Minus(meanX * meanY);
        (double c1, double c2) = (Math.Pow(K1 * range, 2), Math.Pow(K2 * range, 2));
        Tensor similarity = (meanX * meanY).Times(2).Plus(c1) * together.Times(2).Plus(c2)
            / (meanX.Squared().Plus(meanY.Squared()).Plus(c1) * varianceX.Plus(varianceY).Plus(c2));
        return similarity.view(rows, channels, -1).mean([1, 2]).data<double>().ToArray();
    }

    private static Tensor Gaussian()
    {
        Tensor offset = TensorArithmetic.Indices(Window).to(float64).Plus(-(Window / 2)), line = offset.Squared().Times(-1 / (2 * Deviation * Deviation)).exp();
        line = line / line.sum();
        return outer(line, line).view(1, 1, Window, Window);
    }

    internal static void Check(Tensor found, Tensor wanted, int least)
    {
        if (found.Dimensions != 4 || !found.shape.SequenceEqual(wanted.shape) || found.shape[2] < least || found.shape[3] < least)
        {
            throw new ArgumentException(
                $"Pictures must be [B, C, H, W] of one shape, with sides of at least {least}, got [{string.Join(", ", found.shape)}] and [{string.Join(", ", wanted.shape)}].", nameof(wanted));
        }
    }
}
