using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Halves both sides by a 3 x 3 convolution of stride 2.</summary>
internal sealed class Downsample2D : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Convolution2d _convolution;

    private readonly bool _padAfterOnly;

    /// <param name="channels">Width of input and output.</param>
    /// <param name="padAfterOnly">Whether one zero is added to the right and below only (autoencoders; rounds down), not on all sides (U-Nets; rounds up).</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public Downsample2D(int channels, bool padAfterOnly, TensorOptions tensors)
        : base(nameof(Downsample2D))
    {
        _padAfterOnly = padAfterOnly;
        _convolution = new Convolution2d(channels, channels, kernelSize: 3, stride: 2, padding: padAfterOnly ? 0 : 1, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        if (!_padAfterOnly)
        {
            return _convolution.call(x);
        }

        using Tensor padded = functional.pad(x, [0, 1, 0, 1]);
        return _convolution.call(padded);
    }
}
