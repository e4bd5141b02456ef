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
}

internal static class ActivationLayers
{
    public static Module<Tensor, Tensor> CreateLayer(this Activation activation) => activation switch
    {
        Activation.Relu => ReLU(),
        Activation.Silu => SiLU(),
        Activation.Gelu => GELU(),
        Activation.Mish => Mish(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), $"Unknown activation {activation}."),
    };
}
