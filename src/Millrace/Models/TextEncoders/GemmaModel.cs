using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The language model Gemma (arXiv 2403.08295) as a text encoder: each token sees those before it. Parameter names are those of
/// the transformers class of the same name.
/// </summary>
public sealed class GemmaModel : Module<Tensor, Tensor>
{
    [ComponentName(Name = "embed_tokens")]
    private readonly Embedding _embedding;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<GemmaLayer> _layers;

    [ComponentName(Name = "norm")]
    private readonly RootMeanSquareNorm _norm;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public GemmaModel(GemmaOptions options, TensorOptions? tensors = null)
        : base(nameof(GemmaModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _embedding = new Embedding(options.VocabSize, options.HiddenSize, tensors);
        _layers = ModuleList([.. Enumerable.Range(0, options.NumHiddenLayers).Select(_ => new GemmaLayer(options, tensors))]);
        _norm = new RootMeanSquareNorm(options.HiddenSize, options.RmsNormEps, tensors, weightIsLessOne: true);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public GemmaOptions Options { get; }

    /// <summary>The last hidden state, normalized, under autograd.</summary>
    /// <param name="tokens">[B, N], int64, each a token's id; padding stands behind the text, which then does not see it.</param>
    /// <returns>[B, N, width]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the shape or the type is another.</exception>
    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        return _norm.call(_layers[^1].Forward(Penultimate(tokens))).MoveToOuterDisposeScope();
    }

    /// <summary>The hidden state before the last layer, not normalized, under autograd: what Lumina-Next attends to.</summary>
    /// <inheritdoc cref="forward" path="/param"/>
    /// <inheritdoc cref="forward" path="/returns"/>
    /// <inheritdoc cref="forward" path="/exception"/>
    public Tensor Penultimate(Tensor tokens)
    {
        if (tokens.dtype != ScalarType.Int64 || tokens.dim() != 2)
        {
            throw new ArgumentException($"tokens must be int64 of [B, N], got {tokens.dtype} of [{string.Join(", ", tokens.shape)}].", nameof(tokens));
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = _embedding.call(tokens).Times(Math.Sqrt(Options.HiddenSize));
        foreach (GemmaLayer layer in _layers.SkipLast(1))
        {
            hidden = layer.Forward(hidden);
        }

        return hidden.MoveToOuterDisposeScope();
    }
}
