using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Kernel = Millrace.Runtime.Kernels.GatedGelu;

namespace Millrace.Models.Layers;

/// <summary>(x W + b) gelu(x V + c), known as GEGLU.</summary>
/// <remarks>Shazeer 2020, arXiv 2002.05202, equation 6. Both products are halves of one.</remarks>
internal sealed class GatedGelu : Module<Tensor, Tensor>
{
    [ComponentName(Name = "proj")]
    private readonly Linear _projection;

    public GatedGelu(int inWidth, int outWidth, TensorOptions tensors)
        : base(nameof(GatedGelu))
    {
        _projection = new Linear(inWidth, 2 * outWidth, options: tensors);
        RegisterComponents();
    }

    /// <summary>Whether the kernel of this project is used where it can be; without gradients only.</summary>
    public bool Fused { get; set; }

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor both = _projection.call(tokens);
        if (Fused && Kernel.Handles(both))
        {
            return Kernel.Run(both).MoveToOuterDisposeScope();
        }

        Tensor[] halves = both.chunk(2, dim: -1);
        return (halves[0] * functional.gelu(halves[1])).MoveToOuterDisposeScope();
    }
}
