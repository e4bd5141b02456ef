using Millrace.Runtime.Kernels;
using Millrace.Runtime.Kernels.Int8;
using Millrace.Runtime.Programs;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Kernel = Millrace.Runtime.Kernels.GroupNormalization;

namespace Millrace.Models.Layers;

/// <summary>Group normalization over [B, C, H, W] (Wu and He 2018, arXiv 1803.08494), and the nonlinearity that often follows it.</summary>
internal sealed class GroupNormalization : Module<Tensor, Tensor>, IDescribedModule
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter _bias;

    private readonly GroupNormOptions _options;

    public GroupNormalization(GroupNormOptions options, int channels, TensorOptions tensors)
        : base(nameof(GroupNormalization))
    {
        _options = options;
        _weight = tensors.CreateParameter(channels);
        _bias = tensors.CreateParameter(channels);
        RegisterComponents();
    }

    /// <summary>Whether the kernel of this project is used where it can be; without gradients only.</summary>
    public bool Fused { get; set; }

    public GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs) =>
        graph.Apply("group_norm", inputs[0], _options.Groups, _weight, _bias, _options.Epsilon);

    public override Tensor forward(Tensor x) => Fused && Kernel.Handles(x)
        ? Kernel.Run(x, _options.Groups, _weight, _bias, _options.Epsilon, silu: false)
        : functional.group_norm(x, _options.Groups, _weight, _bias, _options.Epsilon);

    /// <summary>The nonlinearity of the normalized input, in one pass where both can be had at once.</summary>
    public Tensor Activated(Tensor x, Module<Tensor, Tensor> activation)
    {
        if (Fused && activation is SiLU && Kernel.Handles(x))
        {
            return Kernel.Run(x, _options.Groups, _weight, _bias, _options.Epsilon, silu: true);
        }

        using Tensor normalized = call(x);
        return activation.call(normalized);
    }

    /// <summary>What a convolution makes of the nonlinearity of the normalized input. In integers, the normalization writes the bytes that the convolution reads, and its sums go onto the addend.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="activation">The nonlinearity.</param>
    /// <param name="convolution">The convolution.</param>
    /// <param name="addend">Added to the result, of its shape; null for nothing.</param>
    public Tensor Convolved(Tensor x, Module<Tensor, Tensor> activation, Module<Tensor, Tensor> convolution, Tensor? addend = null)
    {
        if (convolution is Convolution2d { Integers: { } integers } && activation is SiLU && Int8Quantization.Normalizes(x.shape[1]))
        {
            return Convolved(x, integers, addend);
        }

        using Tensor activated = Activated(x, activation);
        if (addend is null)
        {
            return convolution.call(activated);
        }

        using Tensor convolved = convolution.call(activated);
        return addend.Plus(convolved);
    }

    /// <summary>Sets weight to 1 and bias to 0.</summary>
    public void SetIdentity()
    {
        _weight.Fill(1);
        _bias.Fill(0);
    }

    private Tensor Convolved(Tensor x, Int8Product integers, Tensor? addend)
    {
        using Tensor numbers = x.to(float32), view = numbers.permute(0, 2, 3, 1), pixels = view.contiguous();
        using Tensor? added = addend?.to(float32);
        using var statistics = new GroupStatistics(pixels, _options.Groups, _weight, _bias, _options.Epsilon);
        ByteImage image = Int8Quantization.Run(pixels, statistics, integers.Input, integers.Padding);
        using Tensor bytes = image.Values, product = integers.Run(image, addend: added);
        return product.to(x.dtype);
    }
}
