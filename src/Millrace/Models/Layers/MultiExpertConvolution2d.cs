using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>
/// A convolution whose kernel is mixed for each row from its own and those of experts, W(x) = a_0 W_0 + sum a_e W_e with
/// a = sigmoid(F mean(x) + b): the cost of one convolution, the parameters of several.
/// </summary>
/// <remarks>
/// Conditionally parameterized convolution, Yang et al. 2019, arXiv 1904.04971. That experts are kernels of removed layers is
/// reconstructed from the abstract of arXiv 2312.15516.
/// </remarks>
internal sealed class MultiExpertConvolution2d : Module<Tensor, Tensor>
{
    private const double OwnLogit = 4, OtherLogit = -4;

    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    [ComponentName(Name = "experts")]
    private Parameter _experts;

    [ComponentName(Name = "routing")]
    private readonly Linear _routing;

    private readonly long[] _stride;
    private readonly long[] _padding;

    /// <param name="of">The convolution that is replaced: shape and strides are its.</param>
    /// <param name="experts">Kernels besides its own, at least 1.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public MultiExpertConvolution2d(Convolution2d of, int experts, TensorOptions tensors)
        : base(nameof(MultiExpertConvolution2d))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        (_stride, _padding) = (of.Stride, of.Padding);
        _weight = tensors.CreateParameter(of.Weight.shape);
        _bias = of.Bias is null ? null : tensors.CreateParameter(of.Bias.shape);
        _experts = tensors.CreateParameter([experts, .. of.Weight.shape]);
        _routing = new Linear((int)of.Weight.shape[1], experts + 1, options: tensors);
        RegisterComponents();
    }

    /// <summary>The layer's own kernel, [out, in, kernel, kernel].</summary>
    public Parameter Weight => _weight;

    /// <summary>[experts, out, in, kernel, kernel].</summary>
    public Parameter Experts => _experts;

    /// <summary>From the mean of x over its pixels to a logit for each kernel, the own one first.</summary>
    public Linear Routing => _routing;

    /// <summary>Sets the routing so that, for every input, the own kernel counts 0.98 and each expert 0.02.</summary>
    public void StartWithOwnKernel()
    {
        using Tensor own = _routing.Bias!.narrow(0, 0, 1);
        _routing.Weight.Fill(0);
        _routing.Bias!.Fill(OtherLogit);
        own.Fill(OwnLogit);
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        long rows = input.shape[0];
        Tensor shares = sigmoid(_routing.call(input.mean([2, 3]))); // [B, kernels]
        Tensor kernels = cat([_weight.unsqueeze(0), _experts], 0).to(input.dtype);
        Tensor mixed = shares.matmul(kernels.flatten(1)).view([rows * kernels.shape[1], .. kernels.shape[2..]]);

        // One convolution of as many groups as there are rows, each with its own kernel.
        Tensor output = functional.conv2d(input.reshape([1, -1, .. input.shape[2..]]), mixed, null, _stride, _padding, groups: rows);
        output = output.view([rows, -1, .. output.shape[2..]]);
        return (_bias is null ? output : output.Plus(_bias.to(input.dtype).view(1, -1, 1, 1))).MoveToOuterDisposeScope();
    }
}
