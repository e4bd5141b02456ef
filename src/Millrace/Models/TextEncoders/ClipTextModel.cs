using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;
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
    /// <param name="tokens">[B, N], int64, each a token's id; N at most the number of positions.</param>
    /// <exception cref="ArgumentException">Where the shape or the type is another.</exception>
    public override Tensor forward(Tensor tokens)
    {
        CheckTokens(tokens);
        using DisposeScope scope = NewDisposeScope();
        return _transformer.Forward(tokens, learned: null).Last.MoveToOuterDisposeScope();
    }

    /// <summary>Everything that the model gives, under autograd, in the dispose scope of the caller.</summary>
    /// <param name="tokens">[B, N], int64, each a token's id; N at most the number of positions.</param>
    /// <param name="learned">Vectors of the ids behind the vocabulary, [ids, width]; null where there are no such ids.</param>
    /// <exception cref="ArgumentException">Where the shape or the type is another.</exception>
    public ClipTextOutput Encode(Tensor tokens, Tensor? learned = null)
    {
        CheckTokens(tokens);
        using DisposeScope scope = NewDisposeScope();
        (Tensor last, Tensor penultimate) = _transformer.Forward(tokens, learned);
        Tensor end = tokens.IsEqualTo(Options.EosTokenId).to(int32).argmax(-1);
        Tensor pooled = last[TensorArithmetic.Indices(tokens.shape[0], tokens.device), end];
        Tensor? embeddings = _projection?.call(pooled);
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(), penultimate.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope(), embeddings?.MoveToOuterDisposeScope());
    }

    private void CheckTokens(Tensor tokens)
    {
        if (tokens.dtype != ScalarType.Int64 || tokens.dim() != 2 || tokens.shape[1] > Options.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"tokens must be int64 of [B, at most {Options.MaxPositionEmbeddings}], got {tokens.dtype} of [{string.Join(", ", tokens.shape)}].", nameof(tokens));
        }
    }
}

/// <summary>Embeddings, layers, final normalization.</summary>
internal sealed class ClipTextTransformer : Module
{
    [ComponentName(Name = "embeddings")]
    private readonly ClipTextEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly ClipLayers _encoder;

    [ComponentName(Name = "final_layer_norm")]
    private readonly LayerNorm _finalNorm;

    public ClipTextTransformer(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextTransformer))
    {
        _embeddings = new ClipTextEmbeddings(options, tensors);
        _encoder = new ClipLayers(options.NumHiddenLayers, options.Layer, tensors);
        _finalNorm = LayerNorm(options.HiddenSize, options.LayerNormEps, device: tensors.Device, dtype: tensors.Precision);
        RegisterComponents();
    }

    public (Tensor Last, Tensor Penultimate) Forward(Tensor tokens, Tensor? learned)
    {
        (Tensor last, Tensor penultimate) = _encoder.Run(_embeddings.Forward(tokens, learned));
        return (_finalNorm.call(last), penultimate);
    }
}

/// <summary>The sum of a vector for each token and one for each position. [B, N] to [B, N, width].</summary>
internal sealed class ClipTextEmbeddings : Module
{
    [ComponentName(Name = "token_embedding")]
    private readonly Embedding _tokens;

    [ComponentName(Name = "position_embedding")]
    private readonly Embedding _positions;

    public ClipTextEmbeddings(ClipTextOptions options, TensorOptions tensors)
        : base(nameof(ClipTextEmbeddings))
    {
        _tokens = new Embedding(options.VocabSize, options.HiddenSize, tensors);
        _positions = new Embedding(options.MaxPositionEmbeddings, options.HiddenSize, tensors);
        RegisterComponents();
    }

    public Tensor Forward(Tensor tokens, Tensor? learned) =>
        (learned is null ? _tokens.call(tokens) : WithLearned(tokens, learned)).Plus(_positions.call(TensorArithmetic.Indices(tokens.shape[1], tokens.device)));

    private Tensor WithLearned(Tensor tokens, Tensor learned)
    {
        long count = _tokens.Weight.shape[0];
        Tensor known = tokens.IsBelow(count), others = known.logical_not();
        Tensor own = learned.to(_tokens.Weight.dtype).index_select(0, (tokens.Plus(-count) * others).flatten()).view([.. tokens.shape, -1]);
        return where(known.unsqueeze(-1), _tokens.call(tokens * known), own);
    }
}
