using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>relu(x + three convolutions of x), [B, C, H, W] to the same shape.</summary>
internal sealed class AutoencoderTinyBlock : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Sequential _convolutions;

    public AutoencoderTinyBlock(int channels, Activation activation, TensorOptions tensors)
        : base(nameof(AutoencoderTinyBlock))
    {
        Convolution2d Convolution() => new(channels, channels, kernelSize: 3, padding: 1, options: tensors);
        _convolutions = Sequential(
            Convolution(), activation.CreateLayer(), Convolution(), activation.CreateLayer(), Convolution());
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return functional.relu(x.Plus(_convolutions.call(x))).MoveToOuterDisposeScope();
    }
}
