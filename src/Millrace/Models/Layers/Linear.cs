using Millrace.Runtime.Programs;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>y = x W^T + b over the last axis. Its parameters have no values until they are loaded or initialised.</summary>
public sealed class Linear : Module<Tensor, Tensor>, IDescribedModule
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    /// <summary>Creates the layer.</summary>
    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="options">Where and how the parameters are made.</param>
    public Linear(int inFeatures, int outFeatures, bool bias = true, TensorOptions? options = null)
        : base(nameof(Linear))
    {
        options ??= TensorOptions.Default;
        _weight = options.CreateParameter(outFeatures, inFeatures);
        _bias = bias ? options.CreateParameter(outFeatures) : null;
        RegisterComponents();
    }

    /// <summary>[out, in].</summary>
    public Parameter Weight => _weight;

    /// <summary>[out], or null.</summary>
    public Parameter? Bias => _bias;

    /// <summary>Gives the layer other widths; its parameters have no values then.</summary>
    internal void Resize(long outFeatures, long inFeatures, TensorOptions tensors)
    {
        using IDisposable noGrad = no_grad();
        using Tensor weight = tensors.CreateParameter(outFeatures, inFeatures);
        _weight.set_(weight);
        if (_bias is not null)
        {
            using Tensor bias = tensors.CreateParameter(outFeatures);
            _bias.set_(bias);
        }
    }

    /// <inheritdoc/>
    public GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs) => graph.Apply("linear", inputs[0], _weight, _bias);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dtype == _weight.dtype)
        {
            return functional.linear(input, _weight, _bias);
        }

        // Mixed-precision training: float32 parameters, computed in the precision of the input.
        using Tensor weight = _weight.to(input.dtype);
        using Tensor? bias = _bias?.to(input.dtype);
        return functional.linear(input, weight, bias);
    }
}
