namespace Millrace.Benchmarks;

/// <summary>What the trainer costs, all from one run.</summary>
/// <param name="StepMilliseconds">Median of a step in the trainer.</param>
/// <param name="BareMilliseconds">Median of forward, backward and optimizer alone.</param>
/// <param name="CheckpointMilliseconds">What a checkpoint and an entry of the log add to a step.</param>
/// <param name="CheckpointEvery">Steps between two checkpoints, usually.</param>
public sealed record TrainerBenchmarkReport(double StepMilliseconds, double BareMilliseconds, double CheckpointMilliseconds, long CheckpointEvery)
{
    /// <summary>Time over the bare step's, less 1, checkpoints and log shared out.</summary>
    public double Overhead => ((StepMilliseconds + (CheckpointMilliseconds / CheckpointEvery)) / BareMilliseconds) - 1;

    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines() =>
    [
        $"a step in the trainer: {StepMilliseconds:F1} ms; forward, backward and AdamW alone: {BareMilliseconds:F1} ms",
        $"a checkpoint and an entry of the log: {CheckpointMilliseconds:F1} ms, every {CheckpointEvery} steps",
        $"overhead of the trainer: {Overhead:P1}",
    ];
}
