using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.NitroFusion;

/// <summary>A head over features of points, [B, width] to [B, 1].</summary>
internal sealed class PointHead : Module<Tensor, Tensor>
{
    private const int Hidden = 32;

    private readonly Millrace.Models.Layers.Linear _in, _out;

    public PointHead(int width)
        : base(nameof(PointHead))
    {
        (_in, _out) = (new Millrace.Models.Layers.Linear(width, Hidden), new Millrace.Models.Layers.Linear(Hidden, 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor features)
    {
        using var scope = NewDisposeScope();
        return _out.call(functional.silu(_in.call(features))).MoveToOuterDisposeScope();
    }
}
