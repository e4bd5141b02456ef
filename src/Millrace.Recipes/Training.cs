using Millrace.Training;

namespace Millrace.Recipes;

/// <summary>Training within a recipe.</summary>
internal static class Training
{
    /// <summary>Options for networks of points.</summary>
    public static TrainerOptions Options(int steps, double learningRate = 2e-3) => new()
    {
        Steps = steps,
        LearningRate = learningRate,
        WarmupSteps = Math.Min(100, steps),
        WeightDecay = 0,
        AverageDecay = 0.999,
        FinalLearningRateRatio = 0.02,
        LogEvery = Math.Clamp(steps / 8, 1, 500),
        CheckpointEvery = 5000,
        PreviewEvery = steps,
    };

    /// <summary>Trains to the end and leaves the averaged weights in the network.</summary>
    /// <exception cref="OperationCanceledException">Where it was cancelled; the next run goes on.</exception>
    public static void Train(this RecipeContext context, string arm, IObjective objective, TrainerOptions options)
    {
        using var trainer = new Trainer(objective, options, Path.Combine(context.Folder, arm));
        trainer.Run(context.Seed, new Told(context.Progress, arm), context.Cancellation);
        context.Cancellation.ThrowIfCancellationRequested();
        trainer.UseAverage();
    }

    private sealed class Told(IProgress<string> progress, string arm) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => progress.Report(string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"{arm}, step {value.Step} of {value.Steps}, loss {value.Loss:G4}"));
    }
}
