using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.TextEncoders;

/// <summary>The text transformer of CLIP (Radford et al. 2021, arXiv 2103.00020). Parameter names are those of the transformers class.</summary>
public sealed class ClipTextModel : Module<Tensor, Tensor>
{
    [ComponentName(Name = "text_model")]
    private readonly ClipTextTransformer _transformer;

    [ComponentName(Name = "text_projection")]
    private readonly Linear? _projection;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public ClipTextModel(ClipTextOptions options, TensorOptions? tensors = null)
        : base(nameof(ClipTextModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _transformer = new ClipTextTransformer(options, tensors);
        _projection = options.ProjectionDim is { } width ? new Linear(options.HiddenSize, width, bias: false, tensors) : null;
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public ClipTextOptions Options { get; }

    /// <summary>The last hidden state, [B, N, width], under autograd.</summary>
    /// <param name="tokens">[B, N], int64; N at most the number of positions.</param>
    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        return _transformer.Forward(tokens).Last.MoveToOuterDisposeScope();
    }

    /// <summary>Everything that the model gives, under autograd, in the dispose scope of the caller.</summary>
    /// <param name="tokens">[B, N], int64; N at most the number of positions.</param>
    public ClipTextOutput Encode(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor last, Tensor penultimate) = _transformer.Forward(tokens);
        Tensor end = (tokens == Options.EosTokenId).to(int32).argmax(-1);
        Tensor pooled = last[arange(tokens.shape[0], device: tokens.device), end];
        Tensor? embeddings = _projection?.call(pooled);
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(), penultimate.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope(), embeddings?.MoveToOuterDisposeScope());
    }
}

internal sealed class ClipTextTransformer : Module<Tensor, Tensor>
{
    [ComponentName(Name = "embeddings")]
    private readonly ClipTextEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly ClipTextLayers _encoder;

    [ComponentName(Name = "final_layer_norm")]
    private readonly LayerNorm _finalNorm;

    public ClipTextTransformer(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextTransformer))
    {
        _embeddings = new ClipTextEmbeddings(options, tensors);
        _encoder = new ClipTextLayers(options, tensors);
        _finalNorm = LayerNorm(options.HiddenSize, options.LayerNormEps, device: tensors.Device, dtype: tensors.Precision);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens) => Forward(tokens).Last;

    public (Tensor Last, Tensor Penultimate) Forward(Tensor tokens)
    {
        Tensor hidden = _embeddings.call(tokens), penultimate = hidden;
        foreach (ClipTextLayer layer in _encoder.Layers)
        {
            (penultimate, hidden) = (hidden, layer.call(hidden));
        }

        return (_finalNorm.call(hidden), penultimate);
    }
}

internal sealed class ClipTextEmbeddings : Module<Tensor, Tensor>
{
    [ComponentName(Name = "token_embedding")]
    private readonly Embedding _tokens;

    [ComponentName(Name = "position_embedding")]
    private readonly Embedding _positions;

    public ClipTextEmbeddings(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextEmbeddings))
    {
        _tokens = Embedding(options.VocabSize, options.HiddenSize, device: tensors.Device, dtype: tensors.Precision);
        _positions = Embedding(options.MaxPositionEmbeddings, options.HiddenSize, device: tensors.Device, dtype: tensors.Precision);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens) => _tokens.call(tokens) + _positions.call(arange(tokens.shape[1], device: tokens.device));
}

internal sealed class ClipTextLayers : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly ModuleList<ClipTextLayer> _layers;

    public ClipTextLayers(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextLayers))
    {
        _layers = ModuleList<ClipTextLayer>();
        for (int layer = 0; layer < options.NumHiddenLayers; layer++)
        {
            _layers.Add(new ClipTextLayer(options, tensors));
        }

        RegisterComponents();
    }

    public IEnumerable<ClipTextLayer> Layers => _layers;

    public override Tensor forward(Tensor hidden) => _layers.Aggregate(hidden, (state, layer) => layer.call(state));
}

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
        hidden = hidden + _attention.call(_attentionNorm.call(hidden));
        return (hidden + _feedForward.call(_feedForwardNorm.call(hidden))).MoveToOuterDisposeScope();
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
        return _out.call(_quickGelu ? wide * sigmoid(1.702 * wide) : functional.gelu(wide)).MoveToOuterDisposeScope();
    }
}
