using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.UNets;

/// <summary>The coarsest resolution between the way down and the way up: residual block, attention, residual block.</summary>
internal sealed class MidBlock2D : UNetBlock
{
    public MidBlock2D(UNetStage stage, UNetLayout layout, TensorOptions tensors)
        : base(
            "mid_block",
            [.. Enumerable.Repeat(stage.Width, stage.Layers + 1)],
            stage, layout, tensors, lead: 1, layout.MiddleScale,
            layout.MiddleAttentionGroups is { } groups ? layout.Norm with { Groups = groups } : null)
    {
        RegisterComponents();
    }

    /// <param name="x">[B, width, H, W].</param>
    /// <param name="context">The request.</param>
    public Tensor Forward(Tensor x, UNetContext context)
    {
        using DisposeScope scope = NewDisposeScope();
        x = Residual(0, x, context);
        for (int index = 0; index + 1 < Layers; index++)
        {
            x = Residual(index + 1, Attend(index, x, context), context);
        }

        return x.MoveToOuterDisposeScope();
    }
}
