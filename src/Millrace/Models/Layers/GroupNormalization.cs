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

    /// <summary>Sets weight to 1 and bias to 0.</summary>
    public void SetIdentity()
    {
        _weight.Fill(1);
        _bias.Fill(0);
    }
}
