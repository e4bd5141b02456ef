namespace Millrace.Benchmarks;

/// <summary>What the trainer costs, all from one run.</summary>
/// <param name="StepMilliseconds">Median of a step in the trainer.</param>
/// <param name="BareMilliseconds">Median of forward, backward and optimizer alone.</param>
/// <param name="Ratio">Median ratio of a step in the trainer to the bare one after it.</param>
/// <param name="RatioLow">Lower end of the median's 95 % interval.</param>
/// <param name="RatioHigh">Upper end.</param>
/// <param name="CheckpointMilliseconds">What a checkpoint and an entry of the log add to a step.</param>
/// <param name="CheckpointEvery">Steps between two checkpoints, usually.</param>
public sealed record TrainerBenchmarkReport(
    double StepMilliseconds, double BareMilliseconds, double Ratio, double RatioLow, double RatioHigh, double CheckpointMilliseconds, long CheckpointEvery)
{
    /// <summary>What gradient checkpointing saves and costs; null where it was not measured.</summary>
    public CheckpointingCost? Checkpointing { get; init; }

    /// <summary>Share of a bare step that checkpoints and log cost, shared out.</summary>
    public double CheckpointShare => CheckpointMilliseconds / CheckpointEvery / BareMilliseconds;

    /// <summary>Time over the bare step's, less 1.</summary>
    public double Overhead => Ratio - 1 + CheckpointShare;

    /// <summary>The figures as lines of text.</summary>
    public IEnumerable<string> Lines() =>
    [
        $"a step in the trainer: {StepMilliseconds:F1} ms; forward, backward and AdamW alone: {BareMilliseconds:F1} ms",
        $"step over bare step, pair by pair: {Ratio:F3} (95 % interval of the median {RatioLow:F3} to {RatioHigh:F3})",
        $"a checkpoint and an entry of the log: {CheckpointMilliseconds:F1} ms, every {CheckpointEvery} steps",
        $"overhead of the trainer: {Overhead:P1}",
        .. Checkpointing is null ? Array.Empty<string>() : [Checkpointing.Line()],
    ];
}
