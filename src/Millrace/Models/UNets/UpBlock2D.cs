using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>One resolution on the way up. Every residual block takes one skip beside its input.</summary>
internal sealed class UpBlock2D : UNetBlock
{
    [ComponentName(Name = "upsamplers")]
    private readonly ModuleList<Upsample2D>? _upsamplers;

    /// <param name="inWidth">Width of the input.</param>
    /// <param name="skipWidths">Width of each skip, the last taken first.</param>
    /// <param name="stage">Index of the resolution, 0 is the finest, which does not upsample.</param>
    /// <param name="options">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public UpBlock2D(int inWidth, IReadOnlyList<int> skipWidths, int stage, UNet2DConditionOptions options, TensorOptions tensors)
        : base(
            [.. skipWidths.Reverse().Select((skip, layer) => skip + (layer == 0 ? inWidth : options.BlockOutChannels[stage]))],
            stage,
            attentions: options.UpBlockTypes[^(stage + 1)] == UNetBlockType.CrossAttention ? skipWidths.Count : 0,
            options,
            tensors)
    {
        _upsamplers = stage == 0 ? null : ModuleList(new Upsample2D(options.BlockOutChannels[stage], tensors));
        RegisterComponents();
    }

    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width].</param>
    /// <param name="text">[B, M, text width].</param>
    /// <param name="skips">One for each residual block, the last taken first.</param>
    /// <param name="size">Sides of the result, those of the next skip; not used by the finest block.</param>
    public Tensor Forward(Tensor x, Tensor embedding, Tensor text, ReadOnlySpan<Tensor> skips, long[] size)
    {
        using DisposeScope scope = NewDisposeScope();
        for (int layer = 0; layer < Layers; layer++)
        {
            x = Layer(layer, cat([x, skips[^(layer + 1)]], dim: 1), embedding, text);
        }

        return (_upsamplers?[0].call(x, size) ?? x).MoveToOuterDisposeScope();
    }
}
