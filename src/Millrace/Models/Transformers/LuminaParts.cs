using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>What the layers read beside the tokens.</summary>
internal sealed record LuminaRequest(Tensor Text, Tensor TextBias, Tensor Embedding, RotaryPositions Positions, double ScoreScale);

/// <summary>A picture to tokens through a matrix over the values of a patch, channels outermost. [B, C, H, W] to [B, N, width].</summary>
internal sealed class LuminaPatches : Module<Tensor, Tensor>
{
    [ComponentName(Name = "proj")]
    private readonly Linear _projection;

    private readonly int _patch;

    public LuminaPatches(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaPatches))
    {
        _patch = options.PatchSize;
        _projection = new Linear(_patch * _patch * options.InChannels, options.HiddenSize, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = x.shape;
        Tensor patches = x.view(shape[0], shape[1], shape[2] / _patch, _patch, shape[3] / _patch, _patch).permute(0, 2, 4, 1, 3, 5);
        return _projection.call(patches.reshape(shape[0], shape[2] / _patch * (shape[3] / _patch), -1)).MoveToOuterDisposeScope();
    }
}

/// <summary>Time and the mean of the text's tokens to one vector.</summary>
internal sealed class LuminaEmbedding : Module
{
    private static readonly SinusoidalEmbedding Sinusoids = new(256);

    [ComponentName(Name = "timestep_embedder")]
    private readonly TimestepEmbedding _time;

    [ComponentName(Name = "caption_embedder")]
    private readonly Sequential _text;

    public LuminaEmbedding(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaEmbedding))
    {
        _time = new TimestepEmbedding(Sinusoids.Channels, options.ConditionWidth, Activation.Silu, tensors);
        _text = Sequential(
            LayerNorm(options.CrossAttentionDim, device: tensors.Device, dtype: tensors.Precision),
            new Linear(options.CrossAttentionDim, options.ConditionWidth, options: tensors));
        RegisterComponents();
    }

    /// <param name="t">[B].</param>
    /// <param name="text">[B, M, text width].</param>
    /// <param name="mask">[B, M], 1 or 0.</param>
    public Tensor Forward(Tensor t, Tensor text, Tensor mask)
    {
        Tensor weights = mask.unsqueeze(-1);
        Tensor pooled = (text.to(float32) * weights).sum(1) / weights.sum(1);
        return _time.call(Sinusoids.Of(t)).Plus(_text.call(pooled.to(text.dtype)));
    }
}

/// <summary>One layer: attention to picture and text at once, then feed-forward, each normalized before and after and gated.</summary>
internal sealed class LuminaBlock : Module, ICheckpointedBlock
{
    [ComponentName(Name = "gate")]
    private Parameter _textGate;

    [ComponentName(Name = "norm1")]
    private readonly LuminaModulation _modulation;

    [ComponentName(Name = "norm1_context")]
    private readonly RootMeanSquareNorm _textNorm;

    [ComponentName(Name = "attn1")]
    private readonly LuminaAttention _selfAttention;

    [ComponentName(Name = "attn2")]
    private readonly LuminaAttention _crossAttention;

    [ComponentName(Name = "norm2")]
    private readonly RootMeanSquareNorm _attendedNorm;

    [ComponentName(Name = "ffn_norm1")]
    private readonly RootMeanSquareNorm _feedForwardNorm;

    [ComponentName(Name = "ffn_norm2")]
    private readonly RootMeanSquareNorm _fedNorm;

    [ComponentName(Name = "feed_forward")]
    private readonly LuminaFeedForward _feedForward;

    public LuminaBlock(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaBlock))
    {
        RootMeanSquareNorm Norm(int width) => new(width, options.NormEps, tensors);
        int hidden = options.HiddenSize;
        _textGate = tensors.CreateParameter(options.NumAttentionHeads);
        _modulation = new LuminaModulation(options, tensors);
        _textNorm = Norm(options.CrossAttentionDim);
        _selfAttention = new LuminaAttention(options, hidden, output: false, tensors);
        _crossAttention = new LuminaAttention(options, options.CrossAttentionDim, output: true, tensors);
        (_attendedNorm, _feedForwardNorm, _fedNorm) = (Norm(hidden), Norm(hidden), Norm(hidden));
        _feedForward = new LuminaFeedForward(options, tensors);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    public Tensor Forward(Tensor tokens, LuminaRequest request) => GradientCheckpointing.Run(
        this,
        inputs => Compute(inputs[0]!, request with { Text = inputs[1]!, TextBias = inputs[2]!, Embedding = inputs[3]!, Positions = new RotaryPositions(inputs[4]!, inputs[5]!) }),
        tokens, request.Text, request.TextBias, request.Embedding, request.Positions.Cosines, request.Positions.Sines);

    private Tensor Compute(Tensor tokens, LuminaRequest request)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor normalized, Tensor[] parts) = _modulation.Forward(tokens, request.Embedding);
        Tensor own = _selfAttention.Heads(normalized, normalized, bias: null, request.Positions, request.Positions, request.ScoreScale);
        Tensor its = _crossAttention.Heads(normalized, _textNorm.call(request.Text), request.TextBias, request.Positions, keyPositions: null, scoreScale: 1);
        Tensor both = own.Plus(its * tanh(_textGate).to(its.dtype).view(1, -1, 1, 1));
        tokens = tokens.Plus(tanh(parts[1]) * _attendedNorm.call(_crossAttention.Project(both)));
        Tensor fed = _feedForward.call(_feedForwardNorm.call(tokens) * parts[2].Plus(1));
        return tokens.Plus(tanh(parts[3]) * _fedNorm.call(fed)).MoveToOuterDisposeScope();
    }
}

/// <summary>Normalized and scaled tokens, and the parts of the conditioning: scale and gate of attention, scale and gate of the feed-forward layer.</summary>
internal sealed class LuminaModulation : Module
{
    [ComponentName(Name = "linear")]
    private readonly Linear _projection;

    [ComponentName(Name = "norm")]
    private readonly RootMeanSquareNorm _norm;

    public LuminaModulation(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaModulation))
    {
        _projection = new Linear(options.ConditionWidth, 4 * options.HiddenSize, options: tensors);
        _norm = new RootMeanSquareNorm(options.HiddenSize, options.NormEps, tensors);
        RegisterComponents();
    }

    public (Tensor Tokens, Tensor[] Parts) Forward(Tensor tokens, Tensor embedding)
    {
        Tensor[] parts = _projection.call(functional.silu(embedding)).unsqueeze(1).chunk(4, dim: -1);
        return (_norm.call(tokens) * parts[0].Plus(1), parts);
    }
}

/// <summary>Attention in which several heads of queries share one of keys and values; queries and keys are normalized over all heads together.</summary>
internal sealed class LuminaAttention : Module
{
    private const double NormEpsilon = 1e-5;

    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_k")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v")]
    private readonly Linear _value;

    [ComponentName(Name = "norm_q")]
    private readonly LayerNorm? _queryNorm;

    [ComponentName(Name = "norm_k")]
    private readonly LayerNorm? _keyNorm;

    [ComponentName(Name = "to_out")]
    private readonly Sequential? _output;

    private readonly int _heads;
    private readonly int _sharedHeads;

    public LuminaAttention(LuminaOptions options, int contextWidth, bool output, TensorOptions tensors)
        : base(nameof(LuminaAttention))
    {
        int width = options.HiddenSize, shared = width / options.NumAttentionHeads * options.NumKeyValueHeads;
        LayerNorm? Norm(int over) => options.NormalizesQueriesAndKeys ? LayerNorm(over, NormEpsilon, device: tensors.Device, dtype: tensors.Precision) : null;
        (_heads, _sharedHeads) = (options.NumAttentionHeads, options.NumKeyValueHeads);
        _query = new Linear(width, width, bias: false, tensors);
        _key = new Linear(contextWidth, shared, bias: false, tensors);
        _value = new Linear(contextWidth, shared, bias: false, tensors);
        (_queryNorm, _keyNorm) = (Norm(width), Norm(shared));
        _output = output ? Sequential(new Linear(width, width, bias: false, tensors)) : null;
        RegisterComponents();
    }

    /// <summary>What each head attends to, [B, heads, N, head width], in the dispose scope of the caller.</summary>
    public Tensor Heads(Tensor tokens, Tensor context, Tensor? bias, RotaryPositions queryPositions, RotaryPositions? keyPositions, double scoreScale)
    {
        Tensor Split(Tensor projected, int heads) => projected.unflatten(2, heads, -1).transpose(1, 2);
        Tensor Spread(Tensor shared) => _heads == _sharedHeads ? shared : shared.repeat_interleave(_heads / _sharedHeads, 1);
        Tensor query = _query.call(tokens), key = _key.call(context);
        query = queryPositions.Turn(Split(_queryNorm?.call(query) ?? query, _heads));
        key = Split(_keyNorm?.call(key) ?? key, _sharedHeads);
        key = keyPositions?.Turn(key) ?? key;
        query = scoreScale == 1 ? query : query.Times(scoreScale);
        return functional.scaled_dot_product_attention(query, Spread(key), Spread(Split(_value.call(context), _sharedHeads)), attn_mask: bias);
    }

    /// <summary>[B, heads, N, head width] to [B, N, width].</summary>
    public Tensor Project(Tensor heads) => _output!.call(heads.transpose(1, 2).flatten(2));
}

/// <summary>W2(silu(W1 x) W3 x), without biases (SwiGLU, arXiv 2002.05202).</summary>
internal sealed class LuminaFeedForward : Module<Tensor, Tensor>
{
    [ComponentName(Name = "linear_1")]
    private readonly Linear _gate;

    [ComponentName(Name = "linear_2")]
    private readonly Linear _output;

    [ComponentName(Name = "linear_3")]
    private readonly Linear _value;

    public LuminaFeedForward(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaFeedForward))
    {
        (int width, int inner) = (options.HiddenSize, options.FeedForwardWidth);
        _gate = new Linear(width, inner, bias: false, tensors);
        _output = new Linear(inner, width, bias: false, tensors);
        _value = new Linear(width, inner, bias: false, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        return _output.call(functional.silu(_gate.call(tokens)) * _value.call(tokens)).MoveToOuterDisposeScope();
    }
}

/// <summary>The last layer: normalized, scaled by the conditioning, projected to the values of a patch.</summary>
internal sealed class LuminaOutput : Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "linear_1")]
    private readonly Linear _scale;

    [ComponentName(Name = "linear_2")]
    private readonly Linear _output;

    public LuminaOutput(LuminaOptions options, TensorOptions tensors)
        : base(nameof(LuminaOutput))
    {
        _scale = new Linear(options.ConditionWidth, options.HiddenSize, options: tensors);
        _output = new Linear(options.HiddenSize, options.PatchSize * options.PatchSize * options.OutChannels, options: tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor embedding)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scale = _scale.call(functional.silu(embedding)).unsqueeze(1);
        return _output.call(Modulation.Normalize(tokens) * scale.Plus(1)).MoveToOuterDisposeScope();
    }
}
