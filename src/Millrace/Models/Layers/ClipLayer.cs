using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.TextEncoders;

/// <summary>Causal self-attention and a feed-forward layer, each on normalized tokens and added to them. [B, N, width] to the same shape.</summary>
internal sealed class ClipTextLayer : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layer_norm1")]
    private readonly LayerNorm _attentionNorm;

    [ComponentName(Name = "self_attn")]
    private readonly ClipTextAttention _attention;

    [ComponentName(Name = "layer_norm2")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "mlp")]
    private readonly ClipTextFeedForward _feedForward;

    public ClipTextLayer(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextLayer))
    {
        LayerNorm Norm() => LayerNorm(options.HiddenSize, options.LayerNormEps, device: tensors.Device, dtype: tensors.Precision);
        _attentionNorm = Norm();
        _attention = new ClipTextAttention(options, tensors);
        _feedForwardNorm = Norm();
        _feedForward = new ClipTextFeedForward(options, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        hidden = hidden.Plus(_attention.call(_attentionNorm.call(hidden)));
        return hidden.Plus(_feedForward.call(_feedForwardNorm.call(hidden))).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipTextAttention : Module<Tensor, Tensor>
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

    public ClipTextAttention(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextAttention))
    {
        Linear Projection() => new(options.HiddenSize, options.HiddenSize, options: tensors);
        _heads = options.NumAttentionHeads;
        (_query, _key, _value, _output) = (Projection(), Projection(), Projection(), Projection());
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Heads(Tensor tokens) => tokens.unflatten(2, _heads, -1).transpose(1, 2); // [B, heads, N, width / heads]
        Tensor attended = functional.scaled_dot_product_attention(
            Heads(_query.call(hidden)), Heads(_key.call(hidden)), Heads(_value.call(hidden)), is_casual: true);
        return _output.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipTextFeedForward : Module<Tensor, Tensor>
{
    [ComponentName(Name = "fc1")]
    private readonly Linear _in;

    [ComponentName(Name = "fc2")]
    private readonly Linear _out;

    private readonly bool _quickGelu;

    public ClipTextFeedForward(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextFeedForward))
    {
        _in = new Linear(options.HiddenSize, options.IntermediateSize, options: tensors);
        _out = new Linear(options.IntermediateSize, options.HiddenSize, options: tensors);
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
