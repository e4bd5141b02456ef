using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>Whether samples are new or stored training pictures: how far the nearest training sample is, over how far it is from data that was held out.</summary>
public static class Novelty
{
    /// <summary>Measures: about 1 for a model that generalizes, 0 for one that repeats what it has seen.</summary>
    /// <param name="samples">Features, [N, ...].</param>
    /// <param name="training">Features of the training data, [M, ...].</param>
    /// <param name="heldOut">Features of data of the same law that was not trained on, [K, ...].</param>
    /// <returns>Ratio of the medians of the distances.</returns>
    /// <exception cref="ArgumentException">Where a set is empty, widths differ, or the held-out data is in the training data.</exception>
    public static double Of(Tensor samples, Tensor training, Tensor heldOut)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor stored = training.flatten(1);
        if (samples.shape[0] == 0 || stored.shape[0] == 0 || heldOut.shape[0] == 0 || samples.flatten(1).shape[1] != stored.shape[1] || heldOut.flatten(1).shape[1] != stored.shape[1])
        {
            throw new ArgumentException("Samples, training data and held-out data must be sets of features of one width.", nameof(samples));
        }

        double usual = Nearest(heldOut.flatten(1), stored);
        return usual > 0 ? Nearest(samples.flatten(1), stored) / usual : throw new ArgumentException("The held-out data is part of the training data.", nameof(heldOut));
    }

    /// <summary>Measures against the training data alone: over how far apart training samples are among themselves. About 1 for a model that generalizes, 0 for one that repeats what it has seen.</summary>
    /// <param name="samples">Features, [N, ...].</param>
    /// <param name="training">Features of the training data, [M, ...], M at least 2.</param>
    /// <returns>Ratio of the medians of the distances, with its interval over the distances drawn again.</returns>
    /// <exception cref="ArgumentException">Where a set is too small, widths differ, or the training data is one picture again and again.</exception>
    public static MeanEstimate Of(Tensor samples, Tensor training)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor stored = training.flatten(1);
        if (samples.shape[0] == 0 || stored.shape[0] < 2 || samples.flatten(1).shape[1] != stored.shape[1])
        {
            throw new ArgumentException("Samples and training data must be sets of features of one width, with at least two of training.", nameof(training));
        }

        (Tensor found, _) = NearestOf(samples, training);
        (Tensor others, _) = cdist(stored, stored).topk(2, dim: 1, largest: false);
        Tensor usual = others.select(1, 1); // the nearest of all is the point itself
        return usual.median().item<float>() > 0
            ? Bootstrap.Of(found, usual, (first, second) => first.median().item<float>() / Math.Max(second.median().item<float>(), float.Epsilon))
            : throw new ArgumentException("More than half of the training data are copies of one another.", nameof(training));
    }

    /// <summary>The nearest training sample of each sample.</summary>
    /// <param name="samples">Features, [N, ...].</param>
    /// <param name="training">Features, [M, ...].</param>
    /// <returns>Distance and number, [N] each; the caller's to dispose.</returns>
    public static (Tensor Distance, Tensor Index) NearestOf(Tensor samples, Tensor training)
    {
        using var scope = NewDisposeScope();
        (Tensor distance, Tensor index) = cdist(samples.flatten(1), training.flatten(1)).min(1);
        return (distance.MoveToOuterDisposeScope(), index.MoveToOuterDisposeScope());
    }

    private static double Nearest(Tensor points, Tensor stored)
    {
        (Tensor distance, _) = cdist(points, stored).min(1);
        return distance.median().item<float>();
    }
}
