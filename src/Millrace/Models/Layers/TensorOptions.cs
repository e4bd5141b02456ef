using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Models.Layers;

/// <summary>Precision and place in which a module creates its parameters.</summary>
/// <param name="Precision">A floating-point type.</param>
/// <param name="Device">Null means the CPU; <c>meta</c> gives names and shapes without memory.</param>
public sealed record TensorOptions(ScalarType Precision = ScalarType.Float32, Device? Device = null)
{
    /// <summary>float32 on the CPU.</summary>
    public static TensorOptions Default { get; } = new();

    /// <summary>A parameter with memory but without values: they are read from a checkpoint or drawn by <see cref="ParameterInitialization"/>.</summary>
    internal Parameter CreateParameter(params long[] shape)
    {
        var parameter = new Parameter(empty(shape, dtype: Precision, device: Device ?? CPU));
        return (Parameter)parameter.DetachFromDisposeScope();
    }
}
