using Millrace.Models.Layers;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>
/// What a caller reads from, and does to, the features of a U-Net during one request. A value: the network keeps none of it,
/// so that requests with other hooks may run on it at the same time.
/// </summary>
/// <remarks>
/// Features bear the names of the parts that give them, as in a checkpoint: <c>conv_in</c>, <c>down_blocks.1.resnets.0</c>,
/// <c>down_blocks.1.attentions.0</c>, <c>down_blocks.1.downsamplers.0</c>, <c>mid_block.attentions.0</c>, <c>mid_block</c>,
/// <c>up_blocks.2.resnets.1</c>, <c>up_blocks.2</c>. A function that replaces a feature returns it, or a new tensor of its shape in
/// the current dispose scope.
/// </remarks>
public sealed record UNetHooks
{
    /// <summary>None.</summary>
    public static UNetHooks None { get; } = new();

    /// <summary>Gets the name and the value of every feature, in the order in which they are computed; what it returns takes its place.</summary>
    public Func<string, Tensor, Tensor>? Feature { get; init; }

    /// <summary>Gets the index (0 is the first convolution) and the value of every skip before the way up, controls included; what it returns takes its place.</summary>
    public Func<int, Tensor, Tensor>? Skip { get; init; }

    /// <summary>Residuals of control networks, all of which are added.</summary>
    public IReadOnlyList<ControlResiduals> Controls { get; init; } = [];

    /// <summary>Features of a T2I-Adapter (arXiv 2302.08453), one for each resolution from the finest, added at the end of its way down; one more is added to the middle. Empty for none.</summary>
    public IReadOnlyList<Tensor> AdapterFeatures { get; init; } = [];

    /// <summary>Whether, in the transformer block of a name such as <c>mid_block.attentions.0.transformer_blocks.0</c>, each token attends to itself alone (perturbed-attention guidance, arXiv 2403.17377).</summary>
    public Func<string, bool>? SelfAttentionIsIdentity { get; init; }

    /// <summary>What, in the transformer block of such a name, is attended to beside the text (decoupled cross-attention, arXiv 2308.06721); made when the block is computed, in its dispose scope.</summary>
    public Func<string, IReadOnlyList<AttentionContext>>? FurtherContexts { get; init; }

    internal Tensor Apply(string name, Tensor feature) => Feature is null ? feature : Feature(name, feature);

    internal bool AttendsToItself(string block) => SelfAttentionIsIdentity?.Invoke(block) ?? false;

    internal IReadOnlyList<AttentionContext> ContextsOf(string block) => FurtherContexts?.Invoke(block) ?? [];

    /// <summary>The features as the way up takes them: controls added, then each skip handed to <see cref="Skip"/>.</summary>
    internal UNetFeatures Apply(UNetFeatures features)
    {
        foreach (ControlResiduals control in Controls)
        {
            features = control.AddTo(features);
        }

        return Skip is null ? features : features with { Skips = [.. features.Skips.Select((skip, index) => Skip(index, skip))] };
    }
}
