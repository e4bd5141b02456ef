using Millrace.Training;
using Millrace.Training.Data;

namespace Millrace.Evaluation;

/// <summary>How a judge is trained.</summary>
public sealed record JudgeTrainingOptions
{
    /// <summary>What it is made of.</summary>
    public JudgeArchitecture Architecture { get; init; } = JudgeArchitecture.Convolutions;

    /// <summary>Optimizer steps; at least 1.</summary>
    public long Steps { get; init; } = 2000;

    /// <summary>Pictures in a batch; at least 2.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Peak learning rate; above 0.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Of every so many pictures of a class one is held out, to tell how often the judge is right; at least 2.</summary>
    public int HoldOutEvery { get; init; } = 5;

    /// <summary>Seed of everything.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Changes that a picture may undergo each time it is shown.</summary>
    public PictureAugmentation Augmentation { get; init; } = new() { Crop = 0.25, Shift = 0.1, ColourJitter = 0.2 };

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        TrainerOptions.Require(Batch >= 2, nameof(Batch), Batch, "at least 2");
        TrainerOptions.Require(HoldOutEvery >= 2, nameof(HoldOutEvery), HoldOutEvery, "at least 2");
        Augmentation.Validate();
        Trainer.Validate();
    }

    internal TrainerOptions Trainer => new()
    {
        Steps = Steps,
        LearningRate = LearningRate,
        WeightDecay = 0.05,
        AverageDecay = 0.99,
        LogEvery = 50,
        PreviewEvery = 500,
    };
}
