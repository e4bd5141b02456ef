using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>The coarsest resolution of an <see cref="AutoencoderKL"/>: residual block, attention, residual block.</summary>
internal sealed class AutoencoderMidBlock : Module<Tensor, Tensor>
{
    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock2D> _resnets;

    [ComponentName(Name = "attentions")]
    private readonly ModuleList<PixelAttention>? _attentions;

    public AutoencoderMidBlock(AutoencoderKLOptions options, TensorOptions tensors)
        : base(nameof(AutoencoderMidBlock))
    {
        int width = options.BlockOutChannels[^1];
        ResnetBlock2D Resnet() => new(width, width, timeWidth: null, options.Norm, options.Activation, tensors);
        _resnets = ModuleList(Resnet(), Resnet());
        _attentions = options.MidBlockAddAttention ? ModuleList(new PixelAttention(width, width, options.Norm, tensors)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = _resnets[0].call(x, null);
        return _resnets[1].call(_attentions?[0].call(hidden) ?? hidden, null).MoveToOuterDisposeScope();
    }
}
