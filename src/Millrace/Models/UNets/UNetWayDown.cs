using System.Diagnostics.CodeAnalysis;
using Millrace.Models.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>The first half of a U-Net: first convolution, way down, middle. Not a module: the network registers its parts under its own names.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The network registers the parts, and disposes them.")]
internal sealed class UNetWayDown
{
    private readonly UNetLayout _layout;
    private readonly Convolution2d _inConvolution;
    private readonly ModuleList<DownBlock2D> _blocks;
    private readonly MidBlock2D? _middle;

    public UNetWayDown(UNetLayout layout, TensorOptions tensors)
    {
        _layout = layout;
        int width = layout.Down[0].Width;
        _inConvolution = new Convolution2d(layout.InChannels, width, layout.InKernel, padding: (layout.InKernel - 1) / 2, options: tensors);
        _blocks = ModuleList<DownBlock2D>();
        List<int> skips = [width];
        for (int index = 0; index < layout.Down.Count; index++)
        {
            UNetStage stage = layout.Down[index];
            _blocks.Add(new DownBlock2D(skips[^1], index, layout, tensors));
            bool coarsest = index == layout.Down.Count - 1;
            skips.AddRange(Enumerable.Repeat(stage.Width, stage.Layers + (coarsest ? 0 : 1)));
        }

        SkipWidths = skips;
        _middle = layout.Middle is { } middle ? new MidBlock2D(middle, layout, tensors) : null;
    }

    /// <summary>Width of each skip.</summary>
    public IReadOnlyList<int> SkipWidths { get; }

    /// <summary>Name and value of each part.</summary>
    public IEnumerable<(string Name, Module Part)> Parts
    {
        get
        {
            yield return ("conv_in", _inConvolution);
            yield return ("down_blocks", _blocks);
            if (_middle is not null)
            {
                yield return ("mid_block", _middle);
            }
        }
    }

    /// <param name="x">[B, in channels, H, W].</param>
    /// <param name="context">The request.</param>
    /// <param name="hint">Added behind the first convolution; null for none.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public UNetFeatures Run(Tensor x, UNetContext context, Tensor? hint = null)
    {
        UNetHooks hooks = context.Hooks;
        Tensor first = _inConvolution.call(_layout.CentersInput ? x.Times(2).Plus(-1) : x);
        List<Tensor> skips = [hooks.Apply("conv_in", hint is null ? first : first.Plus(hint))];
        for (int index = 0; index < _blocks.Count; index++)
        {
            Tensor? adapter = index < hooks.AdapterFeatures.Count ? hooks.AdapterFeatures[index] : null;
            skips.AddRange(_blocks[index].Forward(skips[^1], context, adapter));
        }

        Tensor middle = _middle is null ? skips[^1].alias() : _middle.Forward(skips[^1], context);
        if (hooks.AdapterFeatures.Count > _blocks.Count)
        {
            middle = middle.Plus(hooks.AdapterFeatures[_blocks.Count]);
        }

        return new UNetFeatures(hooks.Apply("mid_block", middle), skips);
    }
}
