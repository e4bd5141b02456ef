using Millrace.Models.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.TextEncoders;

/// <summary>x + attention of the normalized x.</summary>
internal sealed class T5AttentionLayer : Module
{
    [ComponentName(Name = "SelfAttention")]
    private readonly T5Attention _attention;

    [ComponentName(Name = "layer_norm")]
    private readonly RootMeanSquareNorm _norm;

    public T5AttentionLayer(T5Options options, bool first, TensorOptions tensors)
        : base(nameof(T5AttentionLayer))
    {
        _attention = new T5Attention(options, first, tensors);
        _norm = new RootMeanSquareNorm(options.DModel, options.LayerNormEpsilon, tensors);
        RegisterComponents();
    }

    public T5Attention Attention => _attention;

    public Tensor Forward(Tensor hidden, Tensor bias) => hidden.Plus(_attention.Forward(_norm.call(hidden), bias));
}

/// <summary>Attention whose scores are not divided by the width of a head, but have a learned bias for each class of distance.</summary>
internal sealed class T5Attention : Module
{
    [ComponentName(Name = "q")]
    private readonly Linear _query;

    [ComponentName(Name = "k")]
    private readonly Linear _key;

    [ComponentName(Name = "v")]
    private readonly Linear _value;

    [ComponentName(Name = "o")]
    private readonly Linear _output;

    [ComponentName(Name = "relative_attention_bias")]
    private readonly Embedding? _distances;

    private readonly T5Options _options;

    public T5Attention(T5Options options, bool first, TensorOptions tensors)
        : base(nameof(T5Attention))
    {
        _options = options;
        int inner = options.NumHeads * options.DKv;
        Linear Projection() => new(options.DModel, inner, bias: false, tensors);
        (_query, _key, _value) = (Projection(), Projection(), Projection());
        _output = new Linear(inner, options.DModel, bias: false, tensors);
        _distances = first ? new Embedding(options.RelativeAttentionNumBuckets, options.NumHeads, tensors) : null;
        RegisterComponents();
    }

    /// <summary>[1, heads, N, N], float32, in the dispose scope of the caller; of the first layer only.</summary>
    public Tensor DistanceBias(long length)
    {
        long[] buckets = new long[length * length];
        for (int query = 0; query < length; query++)
        {
            for (int key = 0; key < length; key++)
            {
                buckets[(query * length) + key] = Bucket(key - query, _options.RelativeAttentionNumBuckets, _options.RelativeAttentionMaxDistance);
            }
        }

        return _distances!.call(tensor(buckets, [length, length], device: _distances.Weight.device)).permute(2, 0, 1).unsqueeze(0).to(float32);
    }

    /// <summary>The class of a distance: half of the classes look back and half ahead; of each half, half hold one distance each, and the others grow with its logarithm.</summary>
    internal static int Bucket(int distance, int buckets, int maxDistance)
    {
        int half = buckets / 2, exact = half / 2, ahead = distance > 0 ? half : 0, far = Math.Abs(distance);
        return far < exact
            ? ahead + far
            : ahead + Math.Min(half - 1, exact + (int)(MathF.Log(far / (float)exact) / (float)Math.Log(maxDistance / (double)exact) * (half - exact)));
    }

    public Tensor Forward(Tensor hidden, Tensor bias)
    {
        Tensor Heads(Tensor projected) => projected.unflatten(2, _options.NumHeads, -1).transpose(1, 2);

        // What divides the scores is taken back.
        Tensor query = Heads(_query.call(hidden)).Times(Math.Sqrt(_options.DKv));
        Tensor attended = functional.scaled_dot_product_attention(query, Heads(_key.call(hidden)), Heads(_value.call(hidden)), attn_mask: bias.expand(hidden.shape[0], -1, -1, -1));
        return _output.call(attended.transpose(1, 2).flatten(2));
    }
}

/// <summary>x + feed-forward of the normalized x.</summary>
internal sealed class T5FeedForwardLayer : Module
{
    [ComponentName(Name = "DenseReluDense")]
    private readonly T5FeedForward _feedForward;

    [ComponentName(Name = "layer_norm")]
    private readonly RootMeanSquareNorm _norm;

    public T5FeedForwardLayer(T5Options options, TensorOptions tensors)
        : base(nameof(T5FeedForwardLayer))
    {
        _feedForward = new T5FeedForward(options, tensors);
        _norm = new RootMeanSquareNorm(options.DModel, options.LayerNormEpsilon, tensors);
        RegisterComponents();
    }

    public Tensor Forward(Tensor hidden) => hidden.Plus(_feedForward.call(_norm.call(hidden)));
}

/// <summary>W(gelu(A x) B x), or W(relu(A x)) in the first version; no biases.</summary>
internal sealed class T5FeedForward : Module<Tensor, Tensor>
{
    [ComponentName(Name = "wi")]
    private readonly Linear? _plain;

    [ComponentName(Name = "wi_0")]
    private readonly Linear? _gate;

    [ComponentName(Name = "wi_1")]
    private readonly Linear? _value;

    [ComponentName(Name = "wo")]
    private readonly Linear _output;

    private readonly TanhGelu _gelu = new();

    public T5FeedForward(T5Options options, TensorOptions tensors)
        : base(nameof(T5FeedForward))
    {
        Linear Wide() => new(options.DModel, options.DFf, bias: false, tensors);
        (_plain, _gate, _value) = options.GatedGelu ? ((Linear?)null, Wide(), Wide()) : (Wide(), null, null);
        _output = new Linear(options.DFf, options.DModel, bias: false, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor hidden) => _output.call(
        _plain is null ? _gelu.call(_gate!.call(hidden)) * _value!.call(hidden) : functional.relu(_plain.call(hidden)));
}
