namespace Millrace.Solvers.Transport;

/// <summary>How <see cref="SemiDiscreteTransport"/> is solved.</summary>
public sealed record TransportOptions
{
    /// <summary>Iterations, at least 1.</summary>
    public int Iterations { get; init; } = 1000;

    /// <summary>Samples of the source a target in each iteration, at least 1.</summary>
    public int SamplesPerTarget { get; init; } = 40;

    /// <summary>Step of the heights at the beginning, above 0.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>The last step over the first, in (0, 1]: how much finer the heights of the nearest targets must be set than those of the farthest.</summary>
    public double FinalLearningRateRatio { get; init; } = 1e-5;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        Require(Iterations >= 1, nameof(Iterations), Iterations, "at least 1");
        Require(SamplesPerTarget >= 1, nameof(SamplesPerTarget), SamplesPerTarget, "at least 1");
        Require(LearningRate > 0, nameof(LearningRate), LearningRate, "above 0");
        Require(FinalLearningRateRatio is > 0 and <= 1, nameof(FinalLearningRateRatio), FinalLearningRateRatio, "in (0, 1]");
    }

    private static void Require(bool holds, string name, object value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} must be {allowed}, got {value}.");
        }
    }
}
