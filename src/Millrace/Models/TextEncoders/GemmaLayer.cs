using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.TextEncoders;

/// <summary>Attention to the tokens before, and gated feed-forward, each on normalized tokens and added to them. [B, N, width] to the same shape.</summary>
internal sealed class GemmaLayer : Module
{
    [ComponentName(Name = "input_layernorm")]
    private readonly RootMeanSquareNorm _attentionNorm;

    [ComponentName(Name = "self_attn")]
    private readonly GemmaAttention _attention;

    [ComponentName(Name = "post_attention_layernorm")]
    private readonly RootMeanSquareNorm _feedForwardNorm;

    [ComponentName(Name = "mlp")]
    private readonly GemmaFeedForward _feedForward;

    public GemmaLayer(GemmaOptions options, TensorOptions tensors)
        : base(nameof(GemmaLayer))
    {
        RootMeanSquareNorm Norm() => new(options.HiddenSize, options.RmsNormEps, tensors, weightIsLessOne: true);
        (_attentionNorm, _feedForwardNorm) = (Norm(), Norm());
        _attention = new GemmaAttention(options, tensors);
        _feedForward = new GemmaFeedForward(options, tensors);
        RegisterComponents();
    }

    public Tensor Forward(Tensor hidden)
    {
        using DisposeScope scope = NewDisposeScope();
        hidden = hidden.Plus(_attention.Forward(_attentionNorm.call(hidden)));
        return hidden.Plus(_feedForward.Forward(_feedForwardNorm.call(hidden))).MoveToOuterDisposeScope();
    }
}

/// <summary>Causal attention with rotary positions, whose keys and values several heads of queries share.</summary>
internal sealed class GemmaAttention : Module
{
    [ComponentName(Name = "q_proj")]
    private readonly Linear _query;

    [ComponentName(Name = "k_proj")]
    private readonly Linear _key;

    [ComponentName(Name = "v_proj")]
    private readonly Linear _value;

    [ComponentName(Name = "o_proj")]
    private readonly Linear _output;

    private readonly GemmaOptions _options;

    public GemmaAttention(GemmaOptions options, TensorOptions tensors)
        : base(nameof(GemmaAttention))
    {
        _options = options;
        int queries = options.NumAttentionHeads * options.HeadDim, keys = options.NumKeyValueHeads * options.HeadDim;
        _query = new Linear(options.HiddenSize, queries, bias: false, tensors);
        _key = new Linear(options.HiddenSize, keys, bias: false, tensors);
        _value = new Linear(options.HiddenSize, keys, bias: false, tensors);
        _output = new Linear(queries, options.HiddenSize, bias: false, tensors);
        RegisterComponents();
    }

    public Tensor Forward(Tensor tokens)
    {
        long shared = _options.NumAttentionHeads / _options.NumKeyValueHeads;
        Tensor Heads(Tensor states) => states.unflatten(2, -1, _options.HeadDim).transpose(1, 2); // [B, heads, N, width of a head]
        Tensor query = Rotate(Heads(_query.call(tokens)));
        Tensor key = Rotate(Heads(_key.call(tokens))).repeat_interleave(shared, 1), value = Heads(_value.call(tokens)).repeat_interleave(shared, 1);
        return _output.call(functional.scaled_dot_product_attention(query, key, value, is_casual: true).transpose(1, 2).flatten(2));
    }

    // Pairs are a number of the first half and the one at its place in the second.
    private Tensor Rotate(Tensor heads)
    {
        int half = _options.HeadDim / 2;
        float[] frequencies = [.. Enumerable.Range(0, half).Select(index => (float)Math.Pow(_options.RopeTheta, -2.0 * index / _options.HeadDim))];
        Tensor angles = TensorArithmetic.Indices(heads.shape[2], type: float32).unsqueeze(1) * tensor(frequencies).unsqueeze(0);
        Tensor Wide(Tensor values) => cat([values, values], dim: -1).to(heads.device).to(heads.dtype);
        Tensor[] halves = heads.chunk(2, dim: -1);
        return (heads * Wide(angles.cos())).Plus(cat([halves[1].neg(), halves[0]], dim: -1) * Wide(angles.sin()));
    }
}

/// <summary>down(gelu(gate(x)) up(x)).</summary>
internal sealed class GemmaFeedForward : Module
{
    [ComponentName(Name = "gate_proj")]
    private readonly Linear _gate;

    [ComponentName(Name = "up_proj")]
    private readonly Linear _up;

    [ComponentName(Name = "down_proj")]
    private readonly Linear _down;

    private readonly Module<Tensor, Tensor> _activation = Activation.TanhGelu.CreateLayer();

    public GemmaFeedForward(GemmaOptions options, TensorOptions tensors)
        : base(nameof(GemmaFeedForward))
    {
        Linear Projection(int inWidth, int outWidth) => new(inWidth, outWidth, bias: false, tensors);
        (_gate, _up) = (Projection(options.HiddenSize, options.IntermediateSize), Projection(options.HiddenSize, options.IntermediateSize));
        _down = Projection(options.IntermediateSize, options.HiddenSize);
        RegisterComponents();
    }

    public Tensor Forward(Tensor hidden) => _down.call(_activation.call(_gate.call(hidden)) * _up.call(hidden));
}
