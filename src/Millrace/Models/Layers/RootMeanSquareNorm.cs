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
    private readonly bool _weightIsLessOne;

    /// <param name="width">Width of the last axis.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="tensors">Where and how the weight is made.</param>
    /// <param name="weightIsLessOne">Whether 1 is to be added to the weight (Gemma).</param>
    public RootMeanSquareNorm(int width, double epsilon, TensorOptions tensors, bool weightIsLessOne = false)
        : base(nameof(RootMeanSquareNorm))
    {
        (_epsilon, _weightIsLessOne) = (epsilon, weightIsLessOne);
        _weight = tensors.CreateParameter(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = x.to(float32);
        Tensor scale = rsqrt((wide * wide).mean([-1], keepdim: true).Plus(_epsilon));
        Tensor weight = _weightIsLessOne ? _weight.to(float32).Plus(1) : _weight.to(float32);
        return ((wide * scale) * weight).to(x.dtype).MoveToOuterDisposeScope();
    }

    public void SetIdentity() => _weight.Fill(_weightIsLessOne ? 0 : 1);
}
