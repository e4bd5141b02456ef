using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>One resolution of the U-Net: residual blocks, each followed by attention where the kind has it.</summary>
internal abstract class UNetBlock : Module
{
    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock2D> _resnets;

    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialTransformer>? _attentions;

    /// <param name="inWidths">Width of the input of each residual block.</param>
    /// <param name="stage">Index of the resolution, 0 is the finest; gives the width of all outputs.</param>
    /// <param name="attentions">Number of residual blocks that attention follows.</param>
    /// <param name="options">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    protected UNetBlock(IReadOnlyList<int> inWidths, int stage, int attentions, UNet2DConditionOptions options, TensorOptions tensors)
        : base(nameof(UNetBlock))
    {
        int width = options.BlockOutChannels[stage];
        var norm = new GroupNormOptions(options.NormNumGroups, options.NormEps);
        _resnets = ModuleList([.. inWidths.Select(inWidth =>
            new ResnetBlock2D(inWidth, width, options.TimeEmbedDim, norm, options.Activation, tensors))]);
        _attentions = attentions == 0 ? null : ModuleList([.. Enumerable.Range(0, attentions).Select(_ => new SpatialTransformer(
            width, options.CrossAttentionDim, options.NumAttentionHeads[stage], options.NormNumGroups,
            options.UseLinearProjection, options.UpcastAttention, tensors))]);
    }

    /// <summary>Number of residual blocks.</summary>
    public int Layers => _resnets.Count;

    /// <summary>Residual block <paramref name="layer"/> and the attention behind it, if any.</summary>
    /// <param name="layer">Index of the residual block.</param>
    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width].</param>
    /// <param name="text">[B, M, text width].</param>
    protected Tensor Layer(int layer, Tensor x, Tensor embedding, Tensor text)
    {
        Tensor hidden = _resnets[layer].call(x, embedding);
        if (layer >= (_attentions?.Count ?? 0))
        {
            return hidden;
        }

        using (hidden)
        {
            return _attentions![layer].call(hidden, text);
        }
    }
}
