using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Nearest-neighbour enlargement, then a 3 x 3 convolution.</summary>
internal sealed class Upsample2D : Module<Tensor, long[], Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Convolution2d _convolution;

    public Upsample2D(int channels, TensorOptions tensors)
        : base(nameof(Upsample2D))
    {
        _convolution = new Convolution2d(channels, channels, kernelSize: 3, padding: 1, options: tensors);
        RegisterComponents();
    }

    /// <param name="x">[B, C, h, w].</param>
    /// <param name="size">Sides of the result: twice those of <paramref name="x"/>, or one less where halving had rounded up.</param>
    public override Tensor forward(Tensor x, long[] size)
    {
        if (_convolution.Integers is { } integers && size[0] == 2 * x.shape[2] && size[1] == 2 * x.shape[3])
        {
            return integers.ConvolveDoubled(x);
        }

        using Tensor enlarged = functional.interpolate(x, size, mode: InterpolationMode.Nearest);
        return _convolution.call(enlarged);
    }
}
