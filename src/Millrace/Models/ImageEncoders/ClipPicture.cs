using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.ImageEncoders;

/// <summary>A picture as CLIP's picture encoder takes it: its shorter side brought to the encoder's, the square in the middle, each channel normalized.</summary>
/// <remarks>
/// The numbers are those of CLIP's training (arXiv 2103.00020). Sizes change by Keys' cubic (1981) with a = -1/2, stretched over all pixels that a
/// smaller picture merges, one axis after the other, rounded to 8 bits behind each: what the reference's picture library does.
/// </remarks>
public static class ClipPicture
{
    private const double Sharpness = -0.5, Reach = 2;

    private static readonly float[] Means = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviations = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <summary>Brings a picture to what the encoder takes.</summary>
    /// <param name="picture">[B, 3, H, W], float32 in [0, 1], multiples of 1/255.</param>
    /// <param name="side">The encoder's <see cref="ClipVisionOptions.ImageSize"/>.</param>
    /// <returns>[B, 3, side, side], float32; the caller's to dispose.</returns>
    public static Tensor ToPixels(Tensor picture, int side)
    {
        TensorCheck.Image(picture, Means.Length);
        using DisposeScope scope = NewDisposeScope();
        long height = picture.shape[2], width = picture.shape[3], shorter = Math.Min(height, width);
        long newHeight = side * height / shorter, newWidth = side * width / shorter;
        Tensor levels = Resized(picture.Times(255).round(), newHeight, newWidth);
        Tensor square = levels.narrow(2, (newHeight - side) / 2, side).narrow(3, (newWidth - side) / 2, side).Times(1 / 255.0);
        return (square.Minus(tensor(Means).view(1, -1, 1, 1)) / tensor(Deviations).view(1, -1, 1, 1)).MoveToOuterDisposeScope();
    }

    private static Tensor Resized(Tensor levels, long height, long width)
    {
        if (levels.shape[3] != width)
        {
            levels = Rounded(levels.matmul(Weights(levels.shape[3], width).t()));
        }

        return levels.shape[2] == height ? levels : Rounded(Weights(levels.shape[2], height).matmul(levels));
    }

    private static Tensor Rounded(Tensor levels) => levels.Plus(0.5).floor().Clamped(0, 255);

    /// <summary>Share of each old pixel of a row in each new one, [new, old].</summary>
    private static Tensor Weights(long before, long after)
    {
        var weights = new float[after * before];
        double scale = (double)before / after, stretch = Math.Max(scale, 1);
        for (long index = 0; index < after; index++)
        {
            double centre = (index + 0.5) * scale;
            int first = (int)Math.Max(centre - (Reach * stretch) + 0.5, 0), end = (int)Math.Min(centre + (Reach * stretch) + 0.5, before);
            double[] shares = [.. Enumerable.Range(first, end - first).Select(pixel => Cubic((pixel + 0.5 - centre) / stretch))];
            double sum = shares.Sum();
            for (int pixel = first; pixel < end; pixel++)
            {
                weights[(index * before) + pixel] = (float)(shares[pixel - first] / sum);
            }
        }

        return tensor(weights, [after, before]);
    }

    private static double Cubic(double distance)
    {
        double x = Math.Abs(distance);
        return x < 1 ? ((((Sharpness + 2) * x) - (Sharpness + 3)) * x * x) + 1
            : x < Reach ? (((((x - 5) * x) + 8) * x) - 4) * Sharpness
            : 0;
    }
}
