using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>The nonlinearity between two layers.</summary>
public enum Activation
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x sigmoid(x), also called swish.</summary>
    Silu,

    /// <summary>x Phi(x), with the exact Gaussian distribution function.</summary>
    Gelu,

    /// <summary>x tanh(softplus(x)).</summary>
    Mish,

    /// <summary>The approximation of <see cref="Gelu"/> by a hyperbolic tangent (Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2).</summary>
    TanhGelu,

    /// <summary>The approximation of <see cref="Gelu"/> by x sigmoid(1.702 x), from the same place.</summary>
    SigmoidGelu,
}

internal static class ActivationLayers
{
    public static Module<Tensor, Tensor> CreateLayer(this Activation activation) => activation switch
    {
        Activation.Relu => ReLU(),
        Activation.Silu => SiLU(),
        Activation.Gelu => GELU(),
        Activation.Mish => Mish(),
        Activation.TanhGelu => new TanhGelu(),
        Activation.SigmoidGelu => new SigmoidGelu(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), $"Unknown activation {activation}."),
    };
}

internal sealed class TanhGelu() : Module<Tensor, Tensor>(nameof(TanhGelu))
{
    private static readonly double Scale = Math.Sqrt(2 / Math.PI);

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor inner = (x * x).Times(0.044715).Plus(1) * x;
        return (x * tanh(inner.Times(Scale)).Plus(1)).Times(0.5).MoveToOuterDisposeScope();
    }
}

internal sealed class SigmoidGelu() : Module<Tensor, Tensor>(nameof(SigmoidGelu))
{
    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return (x * sigmoid(x.Times(1.702))).MoveToOuterDisposeScope();
    }
}
