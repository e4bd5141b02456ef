using Millrace.Runtime.Kernels.Int8;
using Millrace.Runtime.Programs;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>y = x W^T + b over the last axis. Its parameters have no values until they are loaded or initialised.</summary>
public sealed class Linear : Module<Tensor, Tensor>, IDescribedModule, IQuantizableLayer
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    private Int8Product? _integers;

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
    /// <exception cref="InvalidOperationException">Where the layer computes in integers, for which a graph has no operation.</exception>
    public GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs) => _integers is null
        ? graph.Apply("linear", inputs[0], _weight, _bias)
        : throw new InvalidOperationException("A layer that computes in integers has no description as a graph.");

    bool IQuantizableLayer.IsQuantized => _integers is not null;

    long IQuantizableLayer.OperationsPerRow(Tensor input) => _weight.numel() * input.numel() / (input.shape[0] * input.shape[^1]);

    void IQuantizableLayer.Quantize(Tensor weights, Tensor scales, ByteScale input) => _integers = new Int8Product(weights, scales, _bias, input);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (_integers is not null)
        {
            return _integers.Multiply(input);
        }

        if (input.dtype == _weight.dtype)
        {
            return functional.linear(input, _weight, _bias);
        }

        // Mixed-precision training: float32 parameters, computed in the precision of the input.
        using Tensor weight = _weight.to(input.dtype);
        using Tensor? bias = _bias?.to(input.dtype);
        return functional.linear(input, weight, bias);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _integers?.Dispose();
        base.Dispose(disposing);
    }
}
