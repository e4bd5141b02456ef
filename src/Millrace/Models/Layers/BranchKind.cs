namespace Millrace.Models.Layers;

/// <summary>What the units of a layer are.</summary>
public enum BranchKind
{
    /// <summary>Heads of an attention.</summary>
    AttentionHead,

    /// <summary>Hidden channels of a feed-forward network.</summary>
    FeedForwardChannel,
}
