using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x / sqrt(mean(x^2) + epsilon) times a weight, over the last axis, computed in float32 (Zhang and Sennrich 2019, arXiv 1910.07467).</summary>
internal sealed class RootMeanSquareNorm : Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    private readonly double _epsilon;

    public RootMeanSquareNorm(int width, double epsilon, TensorOptions tensors)
        : base(nameof(RootMeanSquareNorm))
    {
        _epsilon = epsilon;
        _weight = tensors.CreateParameter(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = x.to(float32);
        Tensor scale = rsqrt((wide * wide).mean([-1], keepdim: true).Plus(_epsilon));
        return ((wide * scale) * _weight.to(float32)).to(x.dtype).MoveToOuterDisposeScope();
    }

    public void SetIdentity() => _weight.fill_(1);
}
