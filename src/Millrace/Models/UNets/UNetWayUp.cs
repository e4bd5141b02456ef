using System.Diagnostics.CodeAnalysis;
using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>The second half of a U-Net: way up, last convolution. Not a module: the network registers its parts under its own names.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The network registers the parts, and disposes them.")]
internal sealed class UNetWayUp
{
    private readonly ModuleList<UpBlock2D> _blocks;
    private readonly GroupNormalization _outNorm;
    private readonly Module<Tensor, Tensor> _outActivation;
    private readonly Convolution2d _outConvolution;

    public UNetWayUp(UNetLayout layout, IReadOnlyList<int> skipWidths, TensorOptions tensors)
    {
        _blocks = ModuleList<UpBlock2D>();
        int inWidth = layout.Down[^1].Width, end = skipWidths.Count;
        for (int index = 0; index < layout.Up.Count; index++)
        {
            UNetStage stage = layout.Up[index];
            _blocks.Add(new UpBlock2D(inWidth, [.. skipWidths.Skip(end - stage.Layers).Take(stage.Layers)], index, layout, tensors));
            (inWidth, end) = (stage.Width, end - stage.Layers);
        }

        _outNorm = layout.Norm.Create(inWidth, tensors);
        _outActivation = layout.OutActivation.CreateLayer();
        _outConvolution = new Convolution2d(inWidth, layout.OutChannels, layout.OutKernel, padding: (layout.OutKernel - 1) / 2, options: tensors);
    }

    /// <summary>Name and value of each part.</summary>
    public IEnumerable<(string Name, Module Part)> Parts =>
        [("up_blocks", _blocks), ("conv_norm_out", _outNorm), ("conv_act", _outActivation), ("conv_out", _outConvolution)];

    /// <param name="features">From the way down; left as they are.</param>
    /// <param name="context">The request.</param>
    /// <returns>[B, out channels, H, W], in the dispose scope of the caller.</returns>
    public Tensor Run(UNetFeatures features, UNetContext context)
    {
        using DisposeScope scope = NewDisposeScope();
        features = context.Hooks.Apply(features);
        Tensor x = features.Middle;
        ReadOnlySpan<Tensor> skips = features.Skips.ToArray();
        foreach (UpBlock2D block in _blocks)
        {
            ReadOnlySpan<Tensor> own = skips[^block.Layers..];
            skips = skips[..^block.Layers];
            x = block.Forward(x, context, own, size: skips.IsEmpty ? [] : skips[^1].shape[2..]);
        }

        return _outConvolution.call(_outNorm.Activated(x, _outActivation)).MoveToOuterDisposeScope();
    }
}
