using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>One resolution of the U-Net: residual blocks, each followed by attention over pixels, text and time where the kind has it.</summary>
internal abstract class UNetBlock : Module
{
    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock2D> _resnets;

    [ComponentName(Name = "attentions")]
    private readonly ModuleList<Module>? _attentions;

    [ComponentName(Name = "motion_modules")]
    private readonly ModuleList<MotionModule>? _motion;

    /// <param name="path">Name of the block in the network.</param>
    /// <param name="inWidths">Width of the input of each residual block.</param>
    /// <param name="stage">The resolution.</param>
    /// <param name="layout">The whole network.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="lead">Residual blocks at the start that no attention follows.</param>
    /// <param name="scale">What the sums are divided by.</param>
    /// <param name="pixelNorm">Of attention over pixels alone; null for none.</param>
    protected UNetBlock(
        string path, IReadOnlyList<int> inWidths, UNetStage stage, UNetLayout layout, TensorOptions tensors, int lead, double scale, GroupNormOptions? pixelNorm)
        : base(nameof(UNetBlock))
    {
        int width = stage.Width;
        Path = path;
        _resnets = ModuleList([.. inWidths.Select(inWidth =>
            new ResnetBlock2D(inWidth, width, layout.EmbeddingWidth, layout.Norm, layout.Activation, tensors, layout.ScaleShift, scale))]);
        Module Attention(int layer) => stage.Kind == UNetBlockType.CrossAttention
            ? new SpatialTransformer(
                width, stage.AttentionWidth, layout.TextWidth, stage.Heads, layout.Norm.Groups, layout.LinearProjection, layout.Upcast, stage.OnlyCross, stage.Depth(layer), tensors)
            : new PixelAttention(width, stage.AttentionWidth, pixelNorm, tensors, stage.Heads, scale);
        IEnumerable<int> layers = Enumerable.Range(0, inWidths.Count - lead);
        _attentions = stage.Kind == UNetBlockType.Plain ? null : ModuleList([.. layers.Select(Attention)]);
        _motion = stage.Motion is { } motion
            ? ModuleList([.. layers.Select(layer => new MotionModule(width, motion, layer, layout.Norm.Groups, tensors))])
            : null;
    }

    /// <summary>Number of residual blocks.</summary>
    public int Layers => _resnets.Count;

    /// <summary>Name of the block in the network.</summary>
    protected string Path { get; }

    /// <summary>Whether attention to the text stands behind the residual blocks.</summary>
    protected bool HasTextAttention => _attentions?[0] is SpatialTransformer;

    /// <summary>Residual block <paramref name="layer"/>.</summary>
    /// <param name="layer">Its index.</param>
    /// <param name="x">[B, in width, H, W].</param>
    /// <param name="context">The request.</param>
    /// <returns>In the dispose scope of the caller.</returns>
    protected Tensor Residual(int layer, Tensor x, UNetContext context) =>
        context.Hooks.Apply($"{Path}.resnets.{layer}", _resnets[layer].call(x, context.Embedding));

    /// <summary>Attention <paramref name="index"/> of every kind that there is; disposes its input where there is any and no hook may have kept it.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="x">[B, width, H, W].</param>
    /// <param name="context">The request.</param>
    /// <returns>In the dispose scope of the caller.</returns>
    protected Tensor Attend(int index, Tensor x, UNetContext context)
    {
        if (_attentions?[index] is { } attention)
        {
            string path = $"{Path}.attentions.{index}";
            x = Next(x, context.Hooks, path, attention is SpatialTransformer transformer ? transformer.Forward(x, context, path) : ((PixelAttention)attention).call(x));
        }

        return _motion is null ? x : Next(x, context.Hooks, $"{Path}.motion_modules.{index}", _motion[index].Forward(x, context.Frames));
    }

    private static Tensor Next(Tensor before, UNetHooks hooks, string path, Tensor value)
    {
        if (hooks.Feature is null)
        {
            before.Dispose();
        }

        return hooks.Apply(path, value);
    }
}
