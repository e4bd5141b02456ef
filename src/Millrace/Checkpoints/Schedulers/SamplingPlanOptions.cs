namespace Millrace.Checkpoints.Schedulers;

/// <summary>What a pipeline tells a scheduler beside the number of steps.</summary>
public sealed record SamplingPlanOptions
{
    /// <summary>Steps left out at the start, for a sample that begins at a picture with noise, not at noise; at least 0.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>Tokens of the picture, from which a flow whose shift depends on them takes it; <see cref="Mu"/> goes before.</summary>
    public int? Tokens { get; init; }

    /// <summary>Logarithm of the shift of a flow whose shift depends on the size of the picture; <see cref="Processes.FlowProcess.ShiftFor"/> gives the shift.</summary>
    public double? Mu { get; init; }

    /// <summary>Sigmas of a flow before its shift, from the noise down, without the end; null for those of the scheduler.</summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>Steps of the teacher of a consistency model; null for those of the scheduler.</summary>
    public int? OriginalSteps { get; init; }
}
