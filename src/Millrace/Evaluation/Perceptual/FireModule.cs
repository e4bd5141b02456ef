using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation.Perceptual;

/// <summary>SqueezeNet's block: few channels, then many by two kernels side by side. [B, in, H, W] to [B, 2 wide, H, W].</summary>
/// <remarks>Iandola et al. 2016, arXiv 1602.07360, section 3.2.</remarks>
internal sealed class FireModule : Module<Tensor, Tensor>
{
    [ComponentName(Name = "squeeze")]
    private readonly Convolution2d _squeeze;

    [ComponentName(Name = "expand1x1")]
    private readonly Convolution2d _point;

    [ComponentName(Name = "expand3x3")]
    private readonly Convolution2d _square;

    public FireModule(int inChannels, int narrow, int wide)
        : base(nameof(FireModule))
    {
        _squeeze = new Convolution2d(inChannels, narrow, kernelSize: 1);
        _point = new Convolution2d(narrow, wide, kernelSize: 1);
        _square = new Convolution2d(narrow, wide, kernelSize: 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor narrow = _squeeze.call(input).relu();
        return cat([_point.call(narrow).relu(), _square.call(narrow).relu()], 1).MoveToOuterDisposeScope();
    }
}
