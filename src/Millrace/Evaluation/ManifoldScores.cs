using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>How true samples are to data, and how much of the data they cover, by nearest neighbours in a feature space.</summary>
/// <remarks>
/// Precision and recall: Kynkaanniemi et al. 2019, arXiv 1904.06991. Density and coverage: Naeem et al. 2020, arXiv 2002.09797, which
/// outliers do not inflate. The intervals are those of a share, or a mean, over the points that are counted; the others count as fixed.
/// </remarks>
/// <param name="Precision">Share of samples within some data point's neighbourhood.</param>
/// <param name="Recall">Share of data points within some sample's neighbourhood.</param>
/// <param name="Density">Mean number of data neighbourhoods that a sample lies in, over k; about 1 for the same law.</param>
/// <param name="Coverage">Share of data points with a sample in their neighbourhood.</param>
public sealed record ManifoldScores(Proportion Precision, Proportion Recall, MeanEstimate Density, Proportion Coverage)
{
    /// <summary>Measures.</summary>
    /// <param name="data">Features [N, ...].</param>
    /// <param name="samples">Features [M, ...] of as many numbers.</param>
    /// <param name="neighbours">k: a neighbourhood reaches to the k-th nearest of its own kind; below N and M.</param>
    /// <exception cref="ArgumentException">Where the widths differ or there are too few points.</exception>
    public static ManifoldScores Of(Tensor data, Tensor samples, int neighbours = 5)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor real = data.flatten(1), generated = samples.flatten(1);
        if (real.shape[1] != generated.shape[1] || neighbours < 1 || neighbours >= Math.Min(real.shape[0], generated.shape[0]))
        {
            throw new ArgumentException(
                $"Data and samples must have one width and more than {neighbours} rows, got [{string.Join(", ", real.shape)}] and [{string.Join(", ", generated.shape)}].", nameof(samples));
        }

        Tensor reach = Reach(real, neighbours).unsqueeze(1), generatedReach = Reach(generated, neighbours).unsqueeze(0), distance = cdist(real, generated);
        Tensor inReal = distance.le(reach), inGenerated = distance.le(generatedReach);
        float[] counts = inReal.to(float32).sum([0]).data<float>().ToArray();
        return new ManifoldScores(
            Share(inReal.any(0)), Share(inGenerated.any(1)), MeanEstimate.Of([.. counts.Select(count => (double)count / neighbours)]), Share(inReal.any(1)));
    }

    private static Tensor Reach(Tensor points, int neighbours)
    {
        (Tensor nearest, _) = cdist(points, points).topk(neighbours + 1, dim: 1, largest: false);
        return nearest.select(1, neighbours); // the nearest of all is the point itself
    }

    private static Proportion Share(Tensor holds) => new((int)holds.sum().item<long>(), (int)holds.shape[0]);
}
