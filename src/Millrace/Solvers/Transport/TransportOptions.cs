namespace Millrace.Solvers.Transport;

/// <summary>How <see cref="SemiDiscreteTransport"/> is solved.</summary>
public sealed record TransportOptions
{
    /// <summary>Most iterations, at least 1.</summary>
    public int Iterations { get; init; } = 2000;

    /// <summary>Samples of the source a target in the first iterations, at least 1; doubled whenever the error no longer falls.</summary>
    public int SamplesPerTarget { get; init; } = 10;

    /// <summary>Step of the heights, above 0.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Iterations without a smaller error after which samples double and the step shrinks, at least 1.</summary>
    public int Patience { get; init; } = 30;

    /// <summary>How often samples may double, at least 0.</summary>
    public int Doublings { get; init; } = 5;

    /// <summary>Norm of the difference between cell masses and weights at which it is solved, above 0.</summary>
    public double Tolerance { get; init; } = 8e-4;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        Require(Iterations >= 1, nameof(Iterations), Iterations, "at least 1");
        Require(SamplesPerTarget >= 1, nameof(SamplesPerTarget), SamplesPerTarget, "at least 1");
        Require(LearningRate > 0, nameof(LearningRate), LearningRate, "above 0");
        Require(Patience >= 1, nameof(Patience), Patience, "at least 1");
        Require(Doublings >= 0, nameof(Doublings), Doublings, "at least 0");
        Require(Tolerance > 0, nameof(Tolerance), Tolerance, "above 0");
    }

    private static void Require(bool holds, string name, object value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} must be {allowed}, got {value}.");
        }
    }
}
