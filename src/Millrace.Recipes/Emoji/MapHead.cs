using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>A head over a map of features, [B, width, h, w] to a map of logits [B, 1, h, w]: every place is judged by what lies around it.</summary>
internal sealed class MapHead : Module<Tensor, Tensor>
{
    private const int Hidden = 64;

    private readonly Convolution2d _in, _out;

    public MapHead(int width)
        : base(nameof(MapHead))
    {
        (_in, _out) = (new Convolution2d(width, Hidden, kernelSize: 3, padding: 1), new Convolution2d(Hidden, 1, kernelSize: 1));
        RegisterComponents();
    }

    public override Tensor forward(Tensor features)
    {
        using DisposeScope scope = NewDisposeScope();
        return _out.call(functional.silu(_in.call(features))).MoveToOuterDisposeScope();
    }
}
