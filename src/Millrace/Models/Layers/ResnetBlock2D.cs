using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x + conv(act(norm(conv(act(norm(x))) + time))), [B, in, H, W] to [B, out, H, W].</summary>
internal sealed class ResnetBlock2D : Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormalization _inNorm;

    [ComponentName(Name = "conv1")]
    private readonly Convolution2d _inConvolution;

    [ComponentName(Name = "time_emb_proj")]
    private readonly Linear? _timeProjection;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormalization _outNorm;

    [ComponentName(Name = "conv2")]
    private readonly Convolution2d _outConvolution;

    [ComponentName(Name = "conv_shortcut")]
    private readonly Convolution2d? _shortcut;

    [ComponentName(Name = "nonlinearity")]
    private readonly Module<Tensor, Tensor> _activation;

    /// <param name="inChannels">Width of the input.</param>
    /// <param name="outChannels">Width of the output; where it differs, a 1 x 1 convolution fits the input to the sum.</param>
    /// <param name="timeWidth">Width of the timestep embedding; null for a block that takes none.</param>
    /// <param name="norm">Of both group normalizations.</param>
    /// <param name="activation">Nonlinearity.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public ResnetBlock2D(int inChannels, int outChannels, int? timeWidth, GroupNormOptions norm, Activation activation, TensorOptions tensors)
        : base(nameof(ResnetBlock2D))
    {
        _inNorm = norm.Create(inChannels, tensors);
        _inConvolution = new Convolution2d(inChannels, outChannels, kernelSize: 3, padding: 1, options: tensors);
        _timeProjection = timeWidth is { } width ? new Linear(width, outChannels, options: tensors) : null;
        _outNorm = norm.Create(outChannels, tensors);
        _outConvolution = new Convolution2d(outChannels, outChannels, kernelSize: 3, padding: 1, options: tensors);
        _shortcut = inChannels == outChannels ? null : new Convolution2d(inChannels, outChannels, kernelSize: 1, options: tensors);
        _activation = activation.CreateLayer();
        RegisterComponents();
    }

    /// <param name="x">[B, in, H, W].</param>
    /// <param name="embedding">Timestep embedding, [B, width]; null for a block that takes none.</param>
    public override Tensor forward(Tensor x, Tensor? embedding)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = _inConvolution.call(_inNorm.Activated(x, _activation));
        if (_timeProjection is not null)
        {
            hidden = hidden.Plus(_timeProjection.call(_activation.call(embedding!)).unsqueeze(-1).unsqueeze(-1));
        }

        hidden = _outConvolution.call(_outNorm.Activated(hidden, _activation));
        return (_shortcut?.call(x) ?? x).Plus(hidden).MoveToOuterDisposeScope();
    }
}
