using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>Lets each token of some layers attend to itself alone (Ahn et al. 2024, arXiv 2403.17377, section 4.2), for the second prediction of perturbed-attention guidance.</summary>
public sealed class PerturbedAttention : IUNetAttachment
{
    private readonly IReadOnlyList<string> _layers;

    /// <summary>Names the layers.</summary>
    /// <param name="unet">The U-Net that they are of; not kept.</param>
    /// <param name="layers">Names or their beginnings, such as <c>mid_block</c> or <c>down_blocks.2.attentions.1</c>; none for the middle block, as in the paper.</param>
    /// <exception cref="ArgumentException">Where a name covers no attention of the U-Net; says which there are.</exception>
    public PerturbedAttention(UNet2DConditionModel unet, params IReadOnlyList<string> layers)
    {
        _layers = layers.Count == 0 ? ["mid_block"] : layers;
        string[] blocks = [.. unet.TextAttention().Select(block => block.Name)];
        if (_layers.FirstOrDefault(layer => !blocks.Any(block => Covers(layer, block))) is { } unknown)
        {
            IEnumerable<string> known = blocks.Select(block => block[..block.IndexOf(".transformer_blocks", StringComparison.Ordinal)]).Distinct();
            throw new ArgumentException($"Perturbed attention needs layers of the U-Net that attend to pixels, got \"{unknown}\"; there are {string.Join(", ", known)}.", nameof(layers));
        }
    }

    /// <inheritdoc/>
    public UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning) =>
        hooks with { SelfAttentionIsIdentity = block => _layers.Any(layer => Covers(layer, block)) || (hooks.SelfAttentionIsIdentity?.Invoke(block) ?? false) };

    private static bool Covers(string layer, string block) => block == layer || block.StartsWith(layer + ".", StringComparison.Ordinal);
}
