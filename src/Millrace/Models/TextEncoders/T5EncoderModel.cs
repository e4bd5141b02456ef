using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;

namespace Millrace.Models.TextEncoders;

/// <summary>The encoder of T5 (Raffel et al. 2020, arXiv 1910.10683; v1.1). Parameter names are those of the transformers class of the same name.</summary>
public sealed class T5EncoderModel : Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "shared")]
    private readonly Embedding _embedding;

    [ComponentName(Name = "encoder")]
    private readonly T5Stack _encoder;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public T5EncoderModel(T5Options options, TensorOptions? tensors = null)
        : base(nameof(T5EncoderModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _embedding = new Embedding(options.VocabSize, options.DModel, tensors);
        _encoder = new T5Stack(options, tensors);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public T5Options Options { get; }

    /// <summary>The last hidden state, under autograd.</summary>
    /// <param name="tokens">[B, N], int64, each a token's id.</param>
    /// <param name="mask">[B, N], 1 for a token that is attended to, 0 for one that is not; null for all.</param>
    /// <returns>[B, N, width]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a shape or type is another.</exception>
    public override Tensor forward(Tensor tokens, Tensor? mask)
    {
        if (tokens.dtype != ScalarType.Int64 || tokens.dim() != 2)
        {
            throw new ArgumentException($"tokens must be int64 of [B, N], got {tokens.dtype} of [{string.Join(", ", tokens.shape)}].", nameof(tokens));
        }

        if (mask is not null && !mask.shape.SequenceEqual(tokens.shape))
        {
            throw new ArgumentException($"mask must be [{string.Join(", ", tokens.shape)}] as tokens, got [{string.Join(", ", mask.shape)}].", nameof(mask));
        }

        using DisposeScope scope = NewDisposeScope();
        return _encoder.Forward(_embedding.call(tokens), mask).MoveToOuterDisposeScope();
    }
}

/// <summary>Layers and the last normalization. The first layer holds the biases of distances that all use.</summary>
internal sealed class T5Stack : Module
{
    [ComponentName(Name = "block")]
    private readonly ModuleList<T5Block> _blocks;

    [ComponentName(Name = "final_layer_norm")]
    private readonly RootMeanSquareNorm _norm;

    public T5Stack(T5Options options, TensorOptions tensors)
        : base(nameof(T5Stack))
    {
        _blocks = ModuleList([.. Enumerable.Range(0, options.NumLayers).Select(layer => new T5Block(options, first: layer == 0, tensors))]);
        _norm = new RootMeanSquareNorm(options.DModel, options.LayerNormEpsilon, tensors);
        RegisterComponents();
    }

    public Tensor Forward(Tensor hidden, Tensor? mask)
    {
        Tensor bias = _blocks[0].Attention.DistanceBias(hidden.shape[1]);
        if (AttentionMask.ToBias(mask) is { } masked)
        {
            bias = bias.Plus(masked);
        }

        bias = bias.to(hidden.dtype);
        foreach (T5Block block in _blocks)
        {
            hidden = block.Forward(hidden, bias);
        }

        return _norm.call(hidden);
    }
}

/// <summary>Attention and feed-forward, each on normalized tokens and added to them.</summary>
internal sealed class T5Block : Module
{
    [ComponentName(Name = "layer")]
    private readonly ModuleList<Module> _layers;

    public T5Block(T5Options options, bool first, TensorOptions tensors)
        : base(nameof(T5Block))
    {
        _layers = ModuleList<Module>(new T5AttentionLayer(options, first, tensors), new T5FeedForwardLayer(options, tensors));
        RegisterComponents();
    }

    public T5Attention Attention => ((T5AttentionLayer)_layers[0]).Attention;

    public Tensor Forward(Tensor hidden, Tensor bias)
    {
        using DisposeScope scope = NewDisposeScope();
        hidden = ((T5AttentionLayer)_layers[0]).Forward(hidden, bias);
        return ((T5FeedForwardLayer)_layers[1]).Forward(hidden).MoveToOuterDisposeScope();
    }
}
