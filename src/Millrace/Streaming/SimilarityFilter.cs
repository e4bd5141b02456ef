using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// The stochastic similarity filter: a frame much like the last one that passed is skipped with a probability that grows with
/// the likeness, p = max(0, (s - eta) / (1 - eta)), s the cosine of the two.
/// </summary>
/// <remarks>
/// Kodaira et al. 2023, arXiv 2312.12491, equation 9. At most <c>maximumSkips</c> frames in a row are skipped. Two uniformly grey
/// frames, which have no direction, are alike.
/// </remarks>
/// <param name="threshold">eta, in [0, 1]; 1 never skips.</param>
/// <param name="maximumSkips">Most frames skipped in a row; at least 1.</param>
/// <param name="seed">Of the draws.</param>
public sealed class SimilarityFilter(double threshold, int maximumSkips, long seed) : IDisposable
{
    private const double NoDirection = 1e-6;

    private readonly Random _random = new((int)(seed ^ (seed >> 32)));
    private Tensor? _reference;
    private int _skips;

    /// <summary>Whether a frame passes; one that does becomes what the next are compared with.</summary>
    /// <param name="image">[1, 3, H, W] in [-1, 1]; not kept.</param>
    public bool Passes(Tensor image)
    {
        if (_reference is not null && _skips < maximumSkips && _random.NextDouble() < SkipProbability(Similarity(_reference, image)))
        {
            _skips++;
            return false;
        }

        _skips = 0;
        _reference?.Dispose();
        _reference = image.clone().DetachFromDisposeScope();
        return true;
    }

    /// <summary>Forgets the last frame, so that the next one passes.</summary>
    public void Reset()
    {
        _reference?.Dispose();
        _reference = null;
        _skips = 0;
    }

    /// <summary>The probability p of a skip at similarity s.</summary>
    public double SkipProbability(double similarity) => threshold >= 1 ? 0 : Math.Clamp((similarity - threshold) / (1 - threshold), 0, 1);

    /// <summary>The cosine of two images of one shape.</summary>
    public static double Similarity(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        Tensor a = first.flatten(), b = second.flatten();
        double lengthA = a.norm().item<float>(), lengthB = b.norm().item<float>();
        if (lengthA < NoDirection || lengthB < NoDirection)
        {
            return lengthA < NoDirection && lengthB < NoDirection ? 1 : 0;
        }

        return a.dot(b).item<float>() / (lengthA * lengthB);
    }

    /// <inheritdoc/>
    public void Dispose() => _reference?.Dispose();
}
