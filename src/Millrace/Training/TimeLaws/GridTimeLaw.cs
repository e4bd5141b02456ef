using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>Uniform over the times that a sampler of few steps visits: 1/k, 2/k, ..., 1. One step is the fixed time 1.</summary>
public sealed record GridTimeLaw : TimeLaw
{
    /// <summary>Chooses the grid.</summary>
    /// <param name="steps">k, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where there are no steps.</exception>
    public GridTimeLaw(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        Steps = steps;
    }

    /// <summary>k.</summary>
    public int Steps { get; }

    /// <inheritdoc/>
    public override Tensor Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        return random.Integers(Steps, count).Plus(1).to(float32).Times(1.0 / Steps).MoveToOuterDisposeScope();
    }
}
