using Millrace.Evaluation.Perceptual;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation;

/// <summary>Compares samples with reference pictures by every measure of sets, each with its interval.</summary>
public static class PictureComparison
{
    /// <summary>Fewest pictures on either side.</summary>
    public const int Least = 8;

    private const int Neighbours = 5, Subset = 100, Subsets = 10, PixelSide = 16;

    /// <summary>Measures in the space of a judge.</summary>
    /// <param name="space">Name of the judge.</param>
    /// <param name="samples">Features of the samples, [N, D].</param>
    /// <param name="reference">Features of the reference, [M, D].</param>
    /// <param name="seed">Seed of the intervals and of random directions.</param>
    /// <exception cref="ArgumentException">Where there are fewer than <see cref="Least"/> pictures on a side.</exception>
    public static IReadOnlyList<ComparisonScore> InFeatures(string space, Tensor samples, Tensor reference, long seed = 0)
    {
        Check(samples, reference);
        using var scope = NewDisposeScope();
        (Tensor found, Tensor wanted) = (Shuffled(samples, seed), Shuffled(reference, seed + 1));
        ManifoldScores manifold = ManifoldScores.Of(wanted, found, Neighbours);
        int subset = (int)Math.Min(Subset, Math.Min(found.shape[0], wanted.shape[0]));
        MeanKernel gaussian = MeanKernels.Gaussian(Rates(wanted));
        ComparisonScore Distance(string metric, Func<Tensor, Tensor, double> of) => new(space, metric, Bootstrap.Of(found, wanted, of, seed: seed), 0);
        Func<Tensor, Tensor, double> Kernel(MeanKernel? kernel) => (a, b) => KernelDistance.Between(a, b, subset, Subsets, seed, kernel).Mean;
        return
        [
            Distance("Frechet distance", FrechetDistance.Between),
            Distance("kernel distance, cubic", Kernel(null)),
            Distance("kernel distance, Gaussian", Kernel(gaussian)),
            Distance("kernel distance, linear", Kernel(MeanKernels.Linear)),
            Distance("sliced Wasserstein", (a, b) => Sliced(a, b, seed)),
            new(space, "precision", MeanEstimate.Of(manifold.Precision), 1),
            new(space, "recall", MeanEstimate.Of(manifold.Recall), 1),
            new(space, "density", manifold.Density, 1),
            new(space, "coverage", MeanEstimate.Of(manifold.Coverage), 1),
            new(space, "novelty", Novelty.Of(found, wanted), 1),
        ];
    }

    /// <summary>Measures in pixels, where no judge is asked: the sliced Wasserstein distance of the pictures at 16 x 16, in [-1, 1].</summary>
    /// <param name="samples">[N, 3, H, W] in [-1, 1].</param>
    /// <param name="reference">[M, 3, H, W] in [-1, 1].</param>
    /// <param name="seed">Seed of the interval and of random directions.</param>
    /// <exception cref="ArgumentException">Where there are fewer than <see cref="Least"/> pictures on a side.</exception>
    public static ComparisonScore InPixels(Tensor samples, Tensor reference, long seed = 0)
    {
        Check(samples, reference);
        using var scope = NewDisposeScope();
        Tensor Small(Tensor pictures, long order) => Shuffled(functional.adaptive_avg_pool2d(pictures, [PixelSide, PixelSide]).flatten(1), order);
        MeanEstimate value = Bootstrap.Of(Small(samples, seed), Small(reference, seed + 1), (a, b) => Sliced(a, b, seed), resamples: 40, seed);
        return new ComparisonScore($"pixels, {PixelSide} x {PixelSide}", "sliced Wasserstein", value, 0);
    }

    /// <summary>Compares each sample with the reference picture beside it.</summary>
    /// <param name="samples">[N, 3, H, W] in [-1, 1], H and W at least 11.</param>
    /// <param name="reference">[N, 3, H, W].</param>
    /// <param name="perceptual">Measures LPIPS too; null for none.</param>
    /// <returns>Means over the pairs; equal pictures count as 100 dB.</returns>
    /// <exception cref="ArgumentException">Where the shapes differ or are too small.</exception>
    public static IReadOnlyList<ComparisonScore> OfPairs(Tensor samples, Tensor reference, PerceptualDistance? perceptual = null)
    {
        const double Equal = 100;
        return
        [
            new("pairs", "PSNR, dB", MeanEstimate.Of([.. PictureDistance.PeakSignalToNoise(samples, reference).Select(value => Math.Min(value, Equal))]), Equal),
            new("pairs", "SSIM", MeanEstimate.Of(PictureDistance.StructuralSimilarity(samples, reference)), 1),
            .. perceptual is null ? Array.Empty<ComparisonScore>() : [new("pairs", $"LPIPS, {perceptual.Backbone}", MeanEstimate.Of(perceptual.Measure(samples, reference)), 0)],
        ];
    }

    private static void Check(Tensor samples, Tensor reference)
    {
        if (Math.Min(samples.shape[0], reference.shape[0]) < Least)
        {
            throw new ArgumentException($"A comparison of sets needs at least {Least} pictures on each side, got {samples.shape[0]} and {reference.shape[0]}.");
        }
    }

    // Sets come sorted by name, and parts of them are compared.
    private static Tensor Shuffled(Tensor rows, long seed)
    {
        using var generator = new Generator((ulong)seed);
        return rows.index_select(0, randperm(rows.shape[0], generator: generator));
    }

    private static double Sliced(Tensor first, Tensor second, long seed)
    {
        long rows = Math.Min(first.shape[0], second.shape[0]);
        return SlicedWasserstein.Distance(first.narrow(0, 0, rows), second.narrow(0, 0, rows), seed: seed);
    }

    // Three widths about the median distance (Gretton et al. 2012, JMLR 13, section 8).
    private static double[] Rates(Tensor points)
    {
        double usual = Math.Max(cdist(points, points).Squared().median().item<float>(), 1e-12);
        return [0.5 / usual, 1 / usual, 2 / usual];
    }
}
