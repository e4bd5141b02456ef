using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

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

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = _projection.call(tokens).chunk(2, dim: -1);
        return (halves[0] * functional.gelu(halves[1])).MoveToOuterDisposeScope();
    }
}
