using Millrace.Models.Layers;
using Millrace.Runtime.Kernels.Int8;
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
        if (_convolutions[1] is ReLU && Integers(0) is { } first && Integers(2) is { } second && Integers(4) is { } last)
        {
            return Run(x.to(float32), first, second, last).to(x.dtype).MoveToOuterDisposeScope();
        }

        return functional.relu(x.Plus(_convolutions.call(x))).MoveToOuterDisposeScope();
    }

    /// <summary>In integers: bytes from one convolution to the next, numbers only where the sum is taken.</summary>
    private static Tensor Run(Tensor x, Int8Product first, Int8Product second, Int8Product last)
    {
        ByteImage input = Int8Quantization.Run(x, first.Input, first.Padding);
        ByteImage one = first.Run(input, second.Input, second.Padding, ByteActivation.Relu);
        ByteImage two = second.Run(one, last.Input, last.Padding, ByteActivation.Relu);
        return last.Run(two, ByteActivation.Relu, x);
    }

    private Int8Product? Integers(int layer) => ((Convolution2d)_convolutions[layer]).Integers;
}
