using Millrace.Models;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>Where a sampling starts and what it keeps: noise alone, a picture with noise, a picture of which a part is to be filled in.</summary>
internal sealed record SamplingStart
{
    public static SamplingStart FromNoise { get; } = new();

    /// <summary>Clean latents to start from, [1, C, h, w]; null for noise alone.</summary>
    public Tensor? Picture { get; init; }

    /// <summary>Latents that another network left off at, where the solver now starts, [B, C, h, w]; null for none.</summary>
    public Tensor? Unfinished { get; init; }

    /// <summary>Steps left out at the start.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>Evaluations after which another network goes on; null for none.</summary>
    public int? Evaluations { get; init; }

    /// <summary>1 where the picture is to be filled in, [1, 1, h, w]; null for everywhere.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>What predicts in place of the model's own network; null for that.</summary>
    public IConditionalNetwork? Network { get; init; }

    /// <summary>Latents of the picture without the mask's part, for a network that takes them, [1, C, h, w].</summary>
    public Tensor? Masked { get; init; }
}
