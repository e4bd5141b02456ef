using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>Uniform between two times.</summary>
public sealed record UniformTimeLaw : TimeLaw
{
    /// <summary>Chooses the interval.</summary>
    /// <param name="low">In [0, 1].</param>
    /// <param name="high">In [low, 1]; equal to <paramref name="low"/> it is one fixed time.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the interval is not in [0, 1].</exception>
    public UniformTimeLaw(double low = 0, double high = 1)
    {
        if (!(low >= 0 && high >= low && high <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(low), $"Times must lie in 0..1 and rise, got {low}..{high}.");
        }

        (Low, High) = (low, high);
    }

    /// <summary>The least.</summary>
    public double Low { get; }

    /// <summary>The most.</summary>
    public double High { get; }

    /// <inheritdoc/>
    public override Tensor Draw(long count, SeededRandom random) => random.Between(Low, High, count);
}
