namespace Millrace.Distillation;

/// <summary>How <see cref="DistributionMatchingObjective"/> runs.</summary>
public sealed record DistributionMatchingOptions
{
    /// <summary>Least noise at which the two scores are compared, as a share of the process's times, in [0, 1).</summary>
    public double LeastTime { get; init; } = 0.02;

    /// <summary>Most noise at which they are compared, above <see cref="LeastTime"/>, up to 1.</summary>
    public double MostTime { get; init; } = 0.98;

    /// <summary>Weight of the regression on the teacher's pairs, at least 0; keeps modes that the score alone would drop.</summary>
    public double RegressionWeight { get; init; } = 0.25;

    /// <summary>Updates of the fake score for one of the generator, at least 1.</summary>
    public int FakeUpdates { get; init; } = 1;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        if (!(LeastTime >= 0 && MostTime > LeastTime && MostTime <= 1))
        {
            throw new ArgumentException($"Times must rise within 0..1, got LeastTime {LeastTime} and MostTime {MostTime}.");
        }

        if (!(RegressionWeight >= 0) || FakeUpdates < 1)
        {
            throw new ArgumentException($"RegressionWeight must be at least 0 and FakeUpdates at least 1, got {RegressionWeight} and {FakeUpdates}.");
        }
    }
}
