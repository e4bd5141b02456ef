using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>One resolution on the way down. Every intermediate result is also a skip for the way up.</summary>
internal sealed class DownBlock2D : UNetBlock
{
    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<Module>? _downsamplers;

    /// <param name="inWidth">Width of the input.</param>
    /// <param name="index">Index of the resolution, 0 is the finest; the last one does not downsample.</param>
    /// <param name="layout">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public DownBlock2D(int inWidth, int index, UNetLayout layout, TensorOptions tensors)
        : base(
            $"down_blocks.{index}",
            [inWidth, .. Enumerable.Repeat(layout.Down[index].Width, layout.Down[index].Layers - 1)],
            layout.Down[index], layout, tensors, lead: 0, scale: 1, layout.Norm)
    {
        UNetStage stage = layout.Down[index];
        bool coarsest = index == layout.Down.Count - 1;
        _downsamplers = coarsest ? null : ModuleList<Module>(
            stage.Kind == UNetBlockType.SelfAttention && layout.ResamplesByBlocks
                ? new ResnetBlock2D(
                    stage.Width, stage.Width, layout.EmbeddingWidth, layout.Norm, layout.Activation, tensors, layout.ScaleShift, resampling: Resampling.Halve)
                : new Downsample2D(stage.Width, layout.PadAfterOnly, tensors));
        RegisterComponents();
    }

    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="context">The request.</param>
    /// <param name="adapter">Added at the end of the resolution; null for none.</param>
    /// <returns>The skips, finest first; the last one is also the input of the next block.</returns>
    public IReadOnlyList<Tensor> Forward(Tensor x, UNetContext context, Tensor? adapter)
    {
        var skips = new List<Tensor>();
        for (int layer = 0; layer < Layers; layer++)
        {
            x = Attend(layer, Residual(layer, x, context), context);
            skips.Add(x);
        }

        // Adapters add to what leaves the last attention, or, where there is none, to what leaves the resolution.
        if (adapter is not null && HasTextAttention)
        {
            skips[^1] = x = Added(x, adapter);
        }

        if (_downsamplers is not null)
        {
            Tensor smaller = _downsamplers[0] is ResnetBlock2D block ? block.call(x, context.Embedding) : ((Downsample2D)_downsamplers[0]).call(x);
            skips.Add(context.Hooks.Apply($"{Path}.downsamplers.0", smaller));
        }

        if (adapter is not null && !HasTextAttention)
        {
            skips[^1] = Added(skips[^1], adapter);
        }

        return skips;
    }

    private Tensor Added(Tensor feature, Tensor adapter) =>
        adapter.dim() == 4 && (adapter.shape[0] == 1 || adapter.shape[0] == feature.shape[0]) && adapter.shape.AsSpan(1).SequenceEqual(feature.shape.AsSpan(1))
            ? feature.Plus(adapter)
            : throw new ArgumentException(
                $"An adapter's feature for {Path} must be [{string.Join(", ", feature.shape)}], got [{string.Join(", ", adapter.shape)}].", nameof(adapter));
}
