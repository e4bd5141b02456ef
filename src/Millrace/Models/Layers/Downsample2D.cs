using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Halves both sides (rounding up) by a 3 x 3 convolution of stride 2.</summary>
internal sealed class Downsample2D : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Convolution2d _convolution;

    public Downsample2D(int channels, TensorOptions tensors)
        : base(nameof(Downsample2D))
    {
        _convolution = new Convolution2d(channels, channels, kernelSize: 3, stride: 2, padding: 1, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _convolution.call(x);
}
