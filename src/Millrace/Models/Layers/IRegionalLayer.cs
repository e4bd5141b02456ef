namespace Millrace.Models.Layers;

/// <summary>Attention of the tokens of a grid to each other, which can be replaced by that of windows and pooled tokens.</summary>
internal interface IRegionalLayer
{
    /// <summary>The replacement; null where attention is whole.</summary>
    GlobalRegionalAttention? Regional { get; }

    /// <summary>Replaces the products of queries, keys and values; the projections stay.</summary>
    void UseRegions(RegionalAttentionOptions options, TensorOptions tensors);
}
