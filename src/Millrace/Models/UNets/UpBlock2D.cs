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
    private readonly ModuleList<Module>? _upsamplers;

    /// <param name="inWidth">Width of the input.</param>
    /// <param name="skipWidths">Width of each skip, the last taken first.</param>
    /// <param name="index">Index of the resolution, 0 is the coarsest; the last one does not upsample.</param>
    /// <param name="layout">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public UpBlock2D(int inWidth, IReadOnlyList<int> skipWidths, int index, UNetLayout layout, TensorOptions tensors)
        : base(
            $"up_blocks.{index}",
            [.. skipWidths.Reverse().Select((skip, layer) => skip + (layer == 0 ? inWidth : layout.Up[index].Width))],
            layout.Up[index], layout, tensors, lead: 0, scale: 1, layout.Norm)
    {
        UNetStage stage = layout.Up[index];
        bool finest = index == layout.Up.Count - 1;
        _upsamplers = finest ? null : ModuleList<Module>(
            stage.Kind == UNetBlockType.SelfAttention && layout.ResamplesByBlocks
                ? new ResnetBlock2D(
                    stage.Width, stage.Width, layout.EmbeddingWidth, layout.Norm, layout.Activation, tensors, layout.ScaleShift, resampling: Resampling.Double)
                : new Upsample2D(stage.Width, tensors));
        RegisterComponents();
    }

    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="context">The request.</param>
    /// <param name="skips">One for each residual block, the last taken first.</param>
    /// <param name="size">Sides of the result, those of the next skip; not used by the finest block.</param>
    public Tensor Forward(Tensor x, UNetContext context, ReadOnlySpan<Tensor> skips, long[] size)
    {
        using DisposeScope scope = NewDisposeScope();
        for (int layer = 0; layer < Layers; layer++)
        {
            x = Attend(layer, Residual(layer, cat([x, skips[^(layer + 1)]], dim: 1), context), context);
        }

        x = _upsamplers is null ? x : _upsamplers[0] is ResnetBlock2D block ? block.call(x, context.Embedding) : ((Upsample2D)_upsamplers[0]).call(x, size);
        return context.Hooks.Apply(Path, x).MoveToOuterDisposeScope();
    }
}
