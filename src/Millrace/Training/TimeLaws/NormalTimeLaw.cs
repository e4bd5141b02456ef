using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>Normal, and what falls out of [0, 1] at its end: the law by which PTQ4DM draws the times of its calibration rows.</summary>
/// <remarks>Shang et al. 2023, arXiv 2211.15736, section 3.3: the mean lies below the middle, towards the data; mean and deviation 0.4 in its experiments.</remarks>
public sealed record NormalTimeLaw : TimeLaw
{
    /// <summary>Chooses the law.</summary>
    /// <param name="mean">Finite.</param>
    /// <param name="deviation">At least 0, which gives one time alone.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where a value is outside its range.</exception>
    public NormalTimeLaw(double mean = 0.4, double deviation = 0.4)
    {
        if (!double.IsFinite(mean))
        {
            throw new ArgumentOutOfRangeException(nameof(mean), $"mean must be finite, got {mean}.");
        }

        if (!(deviation >= 0 && double.IsFinite(deviation)))
        {
            throw new ArgumentOutOfRangeException(nameof(deviation), $"deviation must be finite and at least 0, got {deviation}.");
        }

        (Mean, Deviation) = (mean, deviation);
    }

    /// <summary>Mean before the ends.</summary>
    public double Mean { get; }

    /// <summary>Standard deviation before the ends.</summary>
    public double Deviation { get; }

    /// <inheritdoc/>
    public override Tensor Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        return random.Normal(count).Times(Deviation).Plus(Mean).Clamped(0, 1).MoveToOuterDisposeScope();
    }
}
