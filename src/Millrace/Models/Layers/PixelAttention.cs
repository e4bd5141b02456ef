using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x + attention with one head of the pixels of x to each other, [B, C, H, W] to the same shape.</summary>
internal sealed class PixelAttention : Module<Tensor, Tensor>
{
    [ComponentName(Name = "group_norm")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_k")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v")]
    private readonly Linear _value;

    [ComponentName(Name = "to_out")]
    private readonly Sequential _output;

    public PixelAttention(int channels, GroupNormOptions norm, TensorOptions tensors)
        : base(nameof(PixelAttention))
    {
        Linear Projection() => new(channels, channels, options: tensors);
        _norm = norm.Create(channels, tensors);
        _query = Projection();
        _key = Projection();
        _value = Projection();
        _output = Sequential(Projection());
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = _norm.call(x).flatten(2).transpose(1, 2); // [B, H W, C]
        Tensor attended = functional.scaled_dot_product_attention(_query.call(tokens), _key.call(tokens), _value.call(tokens));
        return (x + _output.call(attended).transpose(1, 2).reshape(x.shape)).MoveToOuterDisposeScope();
    }
}
