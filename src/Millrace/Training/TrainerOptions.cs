namespace Millrace.Training;

/// <summary>How a <see cref="Trainer"/> runs.</summary>
public sealed record TrainerOptions
{
    /// <summary>Optimizer steps in all; at least 1.</summary>
    public required long Steps { get; init; }

    /// <summary>Peak learning rate; above 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Steps over which the learning rate rises from 0 to its peak; at least 0.</summary>
    public long WarmupSteps { get; init; } = 100;

    /// <summary>Learning rate at the last step over its peak; in [0, 1], 1 keeps it constant.</summary>
    public double FinalLearningRateRatio { get; init; } = 0.05;

    /// <summary>The way there.</summary>
    public LearningRateShape LearningRateShape { get; init; } = LearningRateShape.Cosine;

    /// <summary>Decay of the first moment; in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment; in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Decoupled weight decay; at least 0.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Largest norm of the gradient; above 0.</summary>
    public double GradientClip { get; init; } = 1;

    /// <summary>Batches whose gradients are averaged for one step; at least 1.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>Decay of the weights' moving average; in [0, 1). Early on (1 + step) / (10 + step) takes its place where that is smaller.</summary>
    public double AverageDecay { get; init; } = 0.999;

    /// <summary>Steps between two checkpoints; at least 1.</summary>
    public long CheckpointEvery { get; init; } = 500;

    /// <summary>Steps between two entries of the log; at least 1.</summary>
    public long LogEvery { get; init; } = 20;

    /// <summary>Steps between two previews; at least 1.</summary>
    public long PreviewEvery { get; init; } = 500;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        Require(Steps >= 1, nameof(Steps), Steps, "at least 1");
        Require(LearningRate > 0, nameof(LearningRate), LearningRate, "above 0");
        Require(WarmupSteps >= 0, nameof(WarmupSteps), WarmupSteps, "at least 0");
        Require(FinalLearningRateRatio is >= 0 and <= 1, nameof(FinalLearningRateRatio), FinalLearningRateRatio, "in [0, 1]");
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "in [0, 1)");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "in [0, 1)");
        Require(WeightDecay >= 0, nameof(WeightDecay), WeightDecay, "at least 0");
        Require(GradientClip > 0, nameof(GradientClip), GradientClip, "above 0");
        Require(AccumulationSteps >= 1, nameof(AccumulationSteps), AccumulationSteps, "at least 1");
        Require(AverageDecay is >= 0 and < 1, nameof(AverageDecay), AverageDecay, "in [0, 1)");
        Require(CheckpointEvery >= 1, nameof(CheckpointEvery), CheckpointEvery, "at least 1");
        Require(LogEvery >= 1, nameof(LogEvery), LogEvery, "at least 1");
        Require(PreviewEvery >= 1, nameof(PreviewEvery), PreviewEvery, "at least 1");
    }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    public double LearningRateAt(long step)
    {
        if (step <= WarmupSteps)
        {
            return LearningRate * step / WarmupSteps;
        }

        double progress = Math.Min(1, (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps));
        return LearningRate * LearningRateShape switch
        {
            LearningRateShape.Cosine => double.Lerp(FinalLearningRateRatio, 1, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            LearningRateShape.Linear => double.Lerp(1, FinalLearningRateRatio, progress),
            LearningRateShape.InverseSquareRoot => Math.Max(FinalLearningRateRatio, Math.Sqrt(Math.Max(1.0, WarmupSteps) / step)),
            _ => throw new InvalidOperationException($"Unknown shape {LearningRateShape}."),
        };
    }

    internal static void Require(bool holds, string name, object value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be {allowed}.");
        }
    }
}
