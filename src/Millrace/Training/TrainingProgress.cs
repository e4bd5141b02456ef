using System.Collections.ObjectModel;

namespace Millrace.Training;

/// <summary>Where a training run stands; one line of its log.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Mean loss of the first player since the last entry.</param>
/// <param name="GradientNorm">Norm of its last gradient, before clipping.</param>
/// <param name="LearningRate">Of the last step.</param>
/// <param name="Seconds">Seconds of training so far, over all interruptions.</param>
/// <param name="Terms">Mean since the last entry of the other players' losses and of what losses recorded, by name.</param>
public sealed record TrainingProgress(
    long Step, long Steps, double Loss, double GradientNorm, double LearningRate, double Seconds, IReadOnlyDictionary<string, double> Terms)
{
    /// <summary>What the objective measured at this step, by name, with the averaged weights; empty at most steps.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = ReadOnlyDictionary<string, double>.Empty;
}
