using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Self-attention and a feed-forward layer, each on normalized tokens and added to them (CLIP, arXiv 2103.00020). [B, N, width] to the same shape.</summary>
internal sealed class ClipLayer : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layer_norm1")]
    private readonly LayerNorm _attentionNorm;

    [ComponentName(Name = "self_attn")]
    private readonly ClipAttention _attention;

    [ComponentName(Name = "layer_norm2")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "mlp")]
    private readonly ClipFeedForward _feedForward;

    public ClipLayer(ClipLayerOptions options, TensorOptions tensors)
        : base(nameof(ClipLayer))
    {
        LayerNorm Norm() => LayerNorm(options.Width, options.NormEpsilon, device: tensors.Device, dtype: tensors.Precision);
        _attentionNorm = Norm();
        _attention = new ClipAttention(options, tensors);
        _feedForwardNorm = Norm();
        _feedForward = new ClipFeedForward(options, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        hidden = hidden.Plus(_attention.call(_attentionNorm.call(hidden)));
        return hidden.Plus(_feedForward.call(_feedForwardNorm.call(hidden))).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipAttention : Module<Tensor, Tensor>
{
    [ComponentName(Name = "q_proj")]
    private readonly Linear _query;

    [ComponentName(Name = "k_proj")]
    private readonly Linear _key;

    [ComponentName(Name = "v_proj")]
    private readonly Linear _value;

    [ComponentName(Name = "out_proj")]
    private readonly Linear _output;

    private readonly int _heads;
    private readonly bool _isCausal;

    public ClipAttention(ClipLayerOptions options, TensorOptions tensors)
        : base(nameof(ClipAttention))
    {
        Linear Projection() => new(options.Width, options.Width, options: tensors);
        (_heads, _isCausal) = (options.Heads, options.IsCausal);
        (_query, _key, _value, _output) = (Projection(), Projection(), Projection(), Projection());
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Heads(Tensor tokens) => tokens.unflatten(2, _heads, -1).transpose(1, 2); // [B, heads, N, width / heads]
        Tensor attended = functional.scaled_dot_product_attention(
            Heads(_query.call(hidden)), Heads(_key.call(hidden)), Heads(_value.call(hidden)), is_casual: _isCausal);
        return _output.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipFeedForward : Module<Tensor, Tensor>
{
    [ComponentName(Name = "fc1")]
    private readonly Linear _in;

    [ComponentName(Name = "fc2")]
    private readonly Linear _out;

    private readonly bool _quickGelu;

    public ClipFeedForward(ClipLayerOptions options, TensorOptions tensors)
        : base(nameof(ClipFeedForward))
    {
        _in = new Linear(options.Width, options.IntermediateWidth, options: tensors);
        _out = new Linear(options.IntermediateWidth, options.Width, options: tensors);
        _quickGelu = options.QuickGelu;
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor wide = _in.call(hidden);
        return _out.call(_quickGelu ? wide * sigmoid(wide.Times(1.702)) : functional.gelu(wide)).MoveToOuterDisposeScope();
    }
}
