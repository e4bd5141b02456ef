using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>What an estimated clean sample must satisfy: the range of the data, for models of pixels; or a part of it that is known.</summary>
public sealed record SampleConstraint
{
    private SampleConstraint()
    {
    }

    /// <summary>Largest absolute value; for thresholding, the largest that the quantile may have.</summary>
    public double Range { get; private init; }

    /// <summary>Share of the absolute values of a row below the threshold; null where values are only clipped.</summary>
    public double? Quantile { get; private init; }

    /// <summary>Whether the estimated noise follows from the constrained sample; else it stays as the network gave it.</summary>
    public bool MovesNoise { get; private init; }

    /// <summary>Whether the output of the network is taken as what it would have been for the constrained sample, for the solvers that combine outputs.</summary>
    public bool MovesOutput => KnownSample is not null;

    /// <summary>The clean sample where it is known, [1 or B, C, H, W]; null where nothing is.</summary>
    public Tensor? KnownSample { get; private init; }

    /// <summary>1 where the sample is free, 0 where it is known, [1 or B, 1, H, W].</summary>
    public Tensor? Free { get; private init; }

    /// <summary>What else holds where a part is known.</summary>
    private SampleConstraint? Beside { get; init; }

    /// <summary>Clips to [-range, range].</summary>
    /// <param name="range">Above 0.</param>
    /// <param name="movesNoise">Whether the estimated noise follows.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the range is not above 0.</exception>
    public static SampleConstraint Clip(double range = 1, bool movesNoise = true) => range > 0
        ? new SampleConstraint { Range = range, MovesNoise = movesNoise }
        : throw new ArgumentOutOfRangeException(nameof(range), $"The range must be above 0, got {range}.");

    /// <summary>Dynamic thresholding: clips to [-s, s] and divides by s, s the quantile of a row's absolute values, at least 1 (Saharia et al. 2022, arXiv 2205.11487, section 2.3).</summary>
    /// <param name="quantile">In (0, 1].</param>
    /// <param name="largest">Largest s, at least 1.</param>
    /// <param name="movesNoise">Whether the estimated noise follows.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public static SampleConstraint Threshold(double quantile = 0.995, double largest = 1, bool movesNoise = true) => quantile is > 0 and <= 1 && largest >= 1
        ? new SampleConstraint { Range = largest, Quantile = quantile, MovesNoise = movesNoise }
        : throw new ArgumentOutOfRangeException(nameof(quantile), $"The quantile must be in (0, 1] and the largest threshold at least 1, got {quantile} and {largest}.");

    /// <summary>Keeps a part of the sample as it is known: what is outside of the mask of an inpainting.</summary>
    /// <remarks>The noise of that part follows, so that x stays on the path of the known sample (Lugmayr et al. 2022, arXiv 2201.09865, equation 8, with one noise for all levels).</remarks>
    /// <param name="sample">The known sample, [1 or B, C, H, W]; used, not owned.</param>
    /// <param name="free">1 where the sample is free, 0 where it is known, [1 or B, 1, H, W]; used, not owned.</param>
    /// <param name="beside">What else must hold; null for nothing.</param>
    public static SampleConstraint Known(Tensor sample, Tensor free, SampleConstraint? beside = null) =>
        new() { KnownSample = sample, Free = free, Beside = beside, MovesNoise = true };

    /// <summary>Applies it to every row.</summary>
    /// <param name="sample">[B, ...].</param>
    /// <returns>Of the same shape; the caller's to dispose.</returns>
    public Tensor Apply(Tensor sample)
    {
        using var scope = NewDisposeScope();
        if (KnownSample is not null)
        {
            Tensor kept = Beside?.Apply(sample) ?? sample;
            return KnownSample.Plus(Free! * kept.Minus(KnownSample)).MoveToOuterDisposeScope();
        }

        if (Quantile is not { } quantile)
        {
            return sample.Clamped(-Range, Range).MoveToOuterDisposeScope();
        }

        Tensor rows = sample.flatten(1);
        Tensor limit = rows.abs().quantile(tensor(quantile, dtype: rows.dtype, device: rows.device), 1, keepdim: true).Clamped(1, Range);
        return (rows.minimum(limit).maximum(limit.neg()) / limit).view(sample.shape).MoveToOuterDisposeScope();
    }
}
