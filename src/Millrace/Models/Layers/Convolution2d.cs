using Millrace.Runtime.Kernels.Int8;
using Millrace.Runtime.Programs;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>A convolution over [B, C, H, W] with a square kernel. Its parameters have no values until they are loaded or initialised.</summary>
public sealed class Convolution2d : Module<Tensor, Tensor>, IDescribedModule, IQuantizableLayer
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    private readonly long[] _stride;
    private readonly long[] _padding;
    private bool _isMatrix;
    private Int8Product? _integers;

    /// <summary>Creates the layer.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernelSize">Side of the kernel.</param>
    /// <param name="stride">Step of the kernel.</param>
    /// <param name="padding">Zeros around the input on each side.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="options">Where and how the parameters are made.</param>
    public Convolution2d(
        int inChannels, int outChannels, int kernelSize, int stride = 1, int padding = 0, bool bias = true, TensorOptions? options = null)
        : base(nameof(Convolution2d))
    {
        options ??= TensorOptions.Default;
        _stride = [stride, stride];
        _padding = [padding, padding];
        _weight = options.CreateParameter(outChannels, inChannels, kernelSize, kernelSize);
        _bias = bias ? options.CreateParameter(outChannels) : null;
        RegisterComponents();
    }

    /// <summary>[out, in, kernel, kernel].</summary>
    public Parameter Weight => _weight;

    /// <summary>[out], or null.</summary>
    public Parameter? Bias => _bias;

    /// <summary>Step of the kernel, down and across.</summary>
    internal long[] Stride => _stride;

    /// <summary>Zeros around the input, above and beside.</summary>
    internal long[] Padding => _padding;

    /// <summary>The product that takes the place of the parameters at inference; null where there is none.</summary>
    internal Int8Product? Integers => _integers;

    bool IQuantizableLayer.IsQuantized => _integers is not null;

    /// <summary>Lays the weight out in channels-last order. A convolution of one pixel then is a matrix product on pixels that lie so, which costs less to call.</summary>
    internal void UseChannelsLast()
    {
        using Tensor channelsLast = _weight.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        _weight.set_(channelsLast);
        _isMatrix = _weight.shape[2] == 1 && _stride[0] == 1;
    }

    long IQuantizableLayer.OperationsPerRow(Tensor input) =>
        _weight.numel() * (input.shape[2] / _stride[0]) * (input.shape[3] / _stride[1]);

    void IQuantizableLayer.Quantize(Tensor weights, Tensor scales, ByteScale input) =>
        _integers = new Int8Product(weights, scales, _bias, input, (int)_stride[0], (int)_padding[0]);

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Where the layer computes in integers, for which a graph has no operation.</exception>
    public GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs) => _integers is null
        ? graph.Apply("conv2d", inputs[0], _weight, _bias, _stride, _padding)
        : throw new InvalidOperationException("A layer that computes in integers has no description as a graph.");

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (_integers is not null)
        {
            return _integers.Convolve(input);
        }

        if (_isMatrix && input.permute(0, 2, 3, 1) is var pixels && pixels.is_contiguous())
        {
            return functional.linear(pixels, _weight.flatten(1), _bias).permute(0, 3, 1, 2);
        }

        if (input.dtype == _weight.dtype)
        {
            return functional.conv2d(input, _weight, _bias, _stride, _padding);
        }

        // Mixed-precision training: float32 parameters, computed in the precision of the input.
        using Tensor weight = _weight.to(input.dtype);
        using Tensor? bias = _bias?.to(input.dtype);
        return functional.conv2d(input, weight, bias, _stride, _padding);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _integers?.Dispose();
        base.Dispose(disposing);
    }
}
