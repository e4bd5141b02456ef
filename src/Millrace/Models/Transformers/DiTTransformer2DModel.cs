using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>The class-conditional diffusion transformer (Peebles and Xie 2023, arXiv 2212.09748). Parameter names are those of the diffusers <c>Transformer2DModel</c>.</summary>
public sealed class DiTTransformer2DModel : Module<Tensor, Tensor, Tensor, Tensor>, IConditionalNetwork, IRestructuredNetwork
{
    [ComponentName(Name = "pos_embed")]
    private readonly PatchEmbedding _patches;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<DiTBlock> _blocks;

    [ComponentName(Name = "proj_out_1")]
    private readonly Linear _outModulation;

    [ComponentName(Name = "proj_out_2")]
    private readonly Linear _output;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public DiTTransformer2DModel(DiTOptions options, TensorOptions? tensors = null)
        : base(nameof(DiTTransformer2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        int width = options.Width;
        _patches = new PatchEmbedding(options.InChannels, width, options.PatchSize, tensors);
        _blocks = ModuleList([.. Enumerable.Range(0, options.NumLayers).Select(layer => new DiTBlock(options, first: layer == 0, tensors))]);
        _outModulation = new Linear(width, 2 * width, options: tensors);
        _output = new Linear(width, options.PatchSize * options.PatchSize * options.OutChannels, options: tensors);
        RegisterComponents();
        options.Changes.ApplyTo(this, tensors);
    }

    /// <summary>The shape.</summary>
    public DiTOptions Options { get; }

    StructureChanges IRestructuredNetwork.Changes => Options.Changes;

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) =>
        call(x, t, conditioning.ClassLabels ?? throw new ArgumentException("This network is conditional on classes: the conditioning must hold ClassLabels.", nameof(conditioning)));

    Module IRestructuredNetwork.With(StructureChanges changes, TensorOptions tensors) => new DiTTransformer2DModel(Options with { Changes = changes }, tensors);

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], sides divisible by the patch.</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="classLabels">[B], int64, 0 to the number of classes, which stands for none.</param>
    /// <returns>[B, out channels, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Tensor classLabels)
    {
        TensorCheck.Image(x, Options.InChannels, Options.PatchSize);
        TensorCheck.Times(x, t);
        TensorCheck.Times(x, classLabels);
        using DisposeScope scope = NewDisposeScope();
        long rows = x.shape[2] / Options.PatchSize, columns = x.shape[3] / Options.PatchSize;
        Tensor tokens = _patches.call(x);
        tokens = tokens.Plus(SinusoidalPositions.Of(Options.Width, rows, columns, Options.SampleSize / Options.PatchSize, Options.InterpolationScale, tokens));
        foreach (DiTBlock block in _blocks)
        {
            tokens = block.call(tokens, t, classLabels);
        }

        Tensor[] parts = _outModulation.call(functional.silu(_blocks[0].Embed(t, classLabels))).unsqueeze(1).chunk(2, dim: -1);
        Tensor patches = _output.call(Modulation.Apply(Modulation.Normalize(tokens), parts[0], parts[1]));
        return PatchEmbedding.Join(patches, rows, columns, Options.PatchSize).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention and feed-forward, both shifted, scaled and gated by timestep and class. [B, N, width] to the same shape.</summary>
internal sealed class DiTBlock : Module<Tensor, Tensor, Tensor, Tensor>, IResidualLayer, ICheckpointedBlock
{
    [ComponentName(Name = "norm1")]
    private readonly DiTModulation _modulation;

    [ComponentName(Name = "attn1")]
    private readonly Layers.Attention _attention;

    [ComponentName(Name = "norm3")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    private readonly bool _first;
    private bool _removed;

    /// <param name="options">The shape of the network.</param>
    /// <param name="first">Whether the network reads this layer's embedding of timestep and class at its end too.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public DiTBlock(DiTOptions options, bool first, TensorOptions tensors)
        : base(nameof(DiTBlock))
    {
        _first = first;
        int width = options.Width;
        _modulation = new DiTModulation(width, options.NumClasses, tensors);
        _attention = new Layers.Attention(width, width, options.NumAttentionHeads, options.UpcastAttention, tensors, contextIsTokens: true, options.AttentionBias);
        _feedForwardNorm = LayerNorm(width, options.NormEps, options.NormElementwiseAffine, device: tensors.Device, dtype: tensors.Precision);
        _feedForward = new FeedForward(width, tensors, options.FeedForward);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool KeepsShape => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> Ends => ["attn1.to_out.0", "ff.net.2"];

    /// <inheritdoc/>
    public void Remove()
    {
        this.Discard(name => !(_first && name == "norm1"));
        _removed = true;
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    public Tensor Embed(Tensor t, Tensor classLabels) => _modulation.Embed(t, classLabels);

    public override Tensor forward(Tensor tokens, Tensor t, Tensor classLabels) =>
        GradientCheckpointing.Run(this, inputs => Compute(inputs[0]!, inputs[1]!, inputs[2]!), tokens, t, classLabels);

    private Tensor Compute(Tensor tokens, Tensor t, Tensor classLabels)
    {
        if (_removed)
        {
            return tokens.alias();
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = _modulation.Of(t, classLabels);
        Tensor normalized = Modulation.Apply(Modulation.Normalize(tokens), parts[0], parts[1]);
        tokens = tokens.Plus(parts[2] * _attention.call(normalized, normalized));
        return tokens.Plus(parts[5] * _feedForward.call(Modulation.Apply(_feedForwardNorm.call(tokens), parts[3], parts[4]))).MoveToOuterDisposeScope();
    }
}

/// <summary>Timestep and class to shifts, scales and gates; each layer has its own embeddings.</summary>
internal sealed class DiTModulation : Module
{
    private const int Parts = 6;

    [ComponentName(Name = "emb")]
    private readonly DiTEmbedding _embedding;

    [ComponentName(Name = "linear")]
    private readonly Linear _projection;

    public DiTModulation(int width, int classes, TensorOptions tensors)
        : base(nameof(DiTModulation))
    {
        _embedding = new DiTEmbedding(width, classes, tensors);
        _projection = new Linear(width, Parts * width, options: tensors);
        RegisterComponents();
    }

    public Tensor Embed(Tensor t, Tensor classLabels) => _embedding.call(t, classLabels);

    public Tensor[] Of(Tensor t, Tensor classLabels) => _projection.call(functional.silu(Embed(t, classLabels))).unsqueeze(1).chunk(Parts, dim: -1);
}

internal sealed class DiTEmbedding : Module<Tensor, Tensor, Tensor>
{
    private static readonly SinusoidalEmbedding Sinusoids = new(256, FrequencyShift: 1);

    [ComponentName(Name = "timestep_embedder")]
    private readonly TimestepEmbedding _time;

    [ComponentName(Name = "class_embedder")]
    private readonly DiTClasses _classes;

    public DiTEmbedding(int width, int classes, TensorOptions tensors)
        : base(nameof(DiTEmbedding))
    {
        _time = new TimestepEmbedding(Sinusoids.Channels, width, Activation.Silu, tensors);
        _classes = new DiTClasses(width, classes, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor t, Tensor classLabels)
    {
        using DisposeScope scope = NewDisposeScope();
        return _time.call(Sinusoids.Of(t)).Plus(_classes.call(classLabels.to(int64))).MoveToOuterDisposeScope();
    }
}

internal sealed class DiTClasses : Module<Tensor, Tensor>
{
    [ComponentName(Name = "embedding_table")]
    private readonly Embedding _table;

    public DiTClasses(int width, int classes, TensorOptions tensors)
        : base(nameof(DiTClasses))
    {
        _table = new Embedding(classes + 1, width, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor labels) => _table.call(labels);
}
