using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Numbers [B] to sines and cosines of stored frequencies, [B, 2 count] (Song et al. 2021, arXiv 2011.13456, appendix C).</summary>
internal sealed class FourierEmbedding : Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    private readonly bool _cosineFirst;
    private readonly bool _logarithm;

    /// <param name="count">Number of frequencies.</param>
    /// <param name="cosineFirst">Whether the cosines stand before the sines.</param>
    /// <param name="logarithm">Whether the logarithm of the number is taken first.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public FourierEmbedding(int count, bool cosineFirst, bool logarithm, TensorOptions tensors)
        : base(nameof(FourierEmbedding))
    {
        (_cosineFirst, _logarithm) = (cosineFirst, logarithm);
        _weight = tensors.CreateParameter(count);
        _weight.requires_grad = false;
        RegisterComponents();
    }

    public override Tensor forward(Tensor numbers)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = numbers.to(float32);
        Tensor angles = (_logarithm ? log(values) : values).unsqueeze(-1) * _weight.to(float32).unsqueeze(0);
        angles = angles.Times(2 * Math.PI);
        return (_cosineFirst ? cat([cos(angles), sin(angles)], dim: -1) : cat([sin(angles), cos(angles)], dim: -1)).MoveToOuterDisposeScope();
    }
}
