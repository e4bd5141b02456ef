using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>What the options of every kind of U-Net come down to: the one description from which its two ways are built.</summary>
internal sealed record UNetLayout
{
    public required int InChannels { get; init; }

    public required int OutChannels { get; init; }

    public int InKernel { get; init; } = 3;

    public int OutKernel { get; init; } = 3;

    /// <summary>From the finest to the coarsest.</summary>
    public required IReadOnlyList<UNetStage> Down { get; init; }

    /// <summary>Null for none; its layers are the residual blocks behind the first one.</summary>
    public required UNetStage? Middle { get; init; }

    /// <summary>From the coarsest to the finest.</summary>
    public required IReadOnlyList<UNetStage> Up { get; init; }

    /// <summary>All of them.</summary>
    public IEnumerable<UNetStage> Stages => [.. Down, .. Middle is null ? [] : new[] { Middle }, .. Up];

    public required GroupNormOptions Norm { get; init; }

    /// <summary>Groups of the middle block's attention over pixels; null for no normalization there.</summary>
    public int? MiddleAttentionGroups { get; init; }

    public required Activation Activation { get; init; }

    /// <summary>Before the last convolution.</summary>
    public required Activation OutActivation { get; init; }

    /// <summary>Width of the embedding that enters every residual block.</summary>
    public required int EmbeddingWidth { get; init; }

    public int TextWidth { get; init; }

    public bool LinearProjection { get; init; }

    public bool Upcast { get; init; }

    /// <summary>Whether the timestep scales and shifts in residual blocks, and is not added.</summary>
    public bool ScaleShift { get; init; }

    /// <summary>What the sums of the middle block's residual blocks are divided by.</summary>
    public double MiddleScale { get; init; } = 1;

    /// <summary>Whether one zero is added to the right and below only on halving the sides.</summary>
    public bool PadAfterOnly { get; init; }

    /// <summary>Whether residual blocks with attention over pixels halve and double the sides by residual blocks.</summary>
    public bool ResamplesByBlocks { get; init; }

    public bool CentersInput { get; init; }
}
