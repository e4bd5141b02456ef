using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>
/// The transformer of PixArt-alpha (Chen et al. 2023, arXiv 2310.00426) and PixArt-sigma (arXiv 2403.04692). Parameter names are
/// those of the diffusers class of the same name.
/// </summary>
public sealed class PixArtTransformer2DModel : Module<Tensor, Tensor, Conditioning, Tensor>, IConditionalNetwork, IRestructuredNetwork
{
    [ComponentName(Name = "pos_embed")]
    private readonly PatchEmbedding _patches;

    [ComponentName(Name = "adaln_single")]
    private readonly PixArtModulation _modulation;

    [ComponentName(Name = "caption_projection")]
    private readonly TimestepEmbedding? _text;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<PixArtBlock> _blocks;

    [ComponentName(Name = "scale_shift_table")]
    private Parameter _outTable;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _output;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public PixArtTransformer2DModel(PixArtOptions options, TensorOptions? tensors = null)
        : base(nameof(PixArtTransformer2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        int width = options.Width;
        _patches = new PatchEmbedding(options.InChannels, width, options.PatchSize, tensors);
        _modulation = new PixArtModulation(width, options.UseAdditionalConditions, tensors);
        _text = options.CaptionChannels is { } captions ? new TimestepEmbedding(captions, width, Activation.TanhGelu, tensors) : null;
        _blocks = ModuleList([.. Enumerable.Range(0, options.NumLayers).Select(_ => new PixArtBlock(options, tensors))]);
        _outTable = tensors.CreateParameter(2, width);
        _output = new Linear(width, options.PatchSize * options.PatchSize * options.OutChannels, options: tensors);
        RegisterComponents();
        options.Changes.ApplyTo(this, tensors);
    }

    /// <summary>The shape.</summary>
    public PixArtOptions Options { get; }

    StructureChanges IRestructuredNetwork.Changes => Options.Changes;

    /// <inheritdoc/>
    public ScalarType Precision => _patches.Precision(); // Tables stay in float32 where layers are prepared for less.

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => call(x, t, conditioning);

    Module IRestructuredNetwork.With(StructureChanges changes, TensorOptions tensors) => new PixArtTransformer2DModel(Options with { Changes = changes }, tensors);

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], sides divisible by the patch.</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="conditioning">Text; sizes (height, width, aspect ratio) where the network takes them.</param>
    /// <returns>[B, out channels, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Conditioning conditioning)
    {
        TensorCheck.Image(x, Options.InChannels, Options.PatchSize);
        TensorCheck.Rows(x, t, conditioning.Text, Options.CaptionChannels ?? Options.CrossAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        long rows = x.shape[2] / Options.PatchSize, columns = x.shape[3] / Options.PatchSize;
        Tensor tokens = _patches.call(x);
        tokens = tokens.Plus(SinusoidalPositions.Of(Options.Width, rows, columns, Options.SampleSize / Options.PatchSize, Options.InterpolationScale, tokens));
        Tensor embedding = _modulation.Embed(t, conditioning).to(x.dtype), shared = _modulation.Of(embedding);
        Tensor text = _text?.call(conditioning.Text) ?? conditioning.Text;
        Tensor? bias = AttentionMask.ToBias(conditioning.TextMask);
        foreach (PixArtBlock block in _blocks)
        {
            tokens = block.Forward(tokens, text, bias, shared);
        }

        Tensor[] parts = _outTable.to(x.dtype).unsqueeze(0).Plus(embedding.unsqueeze(1)).chunk(2, dim: 1);
        Tensor patches = _output.call(Modulation.Apply(Modulation.Normalize(tokens), parts[0], parts[1]));
        return PatchEmbedding.Join(patches, rows, columns, Options.PatchSize).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention to the picture, to the text, and feed-forward; the first and the last shifted, scaled and gated by what all layers share and a table of their own.</summary>
internal sealed class PixArtBlock : Module, ICheckpointedBlock
{
    private const int Parts = 6;

    [ComponentName(Name = "norm1")]
    private readonly LayerNorm _attentionNorm;

    [ComponentName(Name = "attn1")]
    private readonly Layers.Attention _selfAttention;

    [ComponentName(Name = "norm2")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "attn2")]
    private readonly Layers.Attention _crossAttention;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    [ComponentName(Name = "scale_shift_table")]
    private Parameter _table;

    public PixArtBlock(PixArtOptions options, TensorOptions tensors)
        : base(nameof(PixArtBlock))
    {
        int width = options.Width;
        LayerNorm Norm() => LayerNorm(width, options.NormEps, options.NormElementwiseAffine, device: tensors.Device, dtype: tensors.Precision);
        (_attentionNorm, _feedForwardNorm) = (Norm(), Norm());
        _selfAttention = new Layers.Attention(width, width, options.NumAttentionHeads, options.UpcastAttention, tensors, contextIsTokens: true, options.AttentionBias);
        _crossAttention = new Layers.Attention(width, options.CrossAttentionDim, options.NumAttentionHeads, options.UpcastAttention, tensors, bias: options.AttentionBias);
        _feedForward = new FeedForward(width, tensors, options.FeedForward);
        _table = tensors.CreateParameter(Parts, width);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    /// <param name="tokens">[B, N, width].</param>
    /// <param name="text">[B, M, text width].</param>
    /// <param name="bias">Added to the scores of attention to the text; null for none.</param>
    /// <param name="shared">[B, 6, width].</param>
    public Tensor Forward(Tensor tokens, Tensor text, Tensor? bias, Tensor shared) =>
        GradientCheckpointing.Run(this, inputs => Compute(inputs[0]!, inputs[1]!, inputs[2], inputs[3]!), tokens, text, bias, shared);

    private Tensor Compute(Tensor tokens, Tensor text, Tensor? bias, Tensor shared)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = _table.to(tokens.dtype).unsqueeze(0).Plus(shared).chunk(Parts, dim: 1);
        Tensor normalized = Modulation.Apply(_attentionNorm.call(tokens), parts[0], parts[1]);
        tokens = tokens.Plus(parts[2] * _selfAttention.call(normalized, normalized));
        tokens = tokens.Plus(_crossAttention.Forward(tokens, text, bias));
        return tokens.Plus(parts[5] * _feedForward.call(Modulation.Apply(_feedForwardNorm.call(tokens), parts[3], parts[4]))).MoveToOuterDisposeScope();
    }
}

/// <summary>Timestep and size to a vector, and that to what all layers share.</summary>
internal sealed class PixArtModulation : Module
{
    [ComponentName(Name = "emb")]
    private readonly PixArtEmbedding _embedding;

    [ComponentName(Name = "linear")]
    private readonly Linear _projection;

    public PixArtModulation(int width, bool sizes, TensorOptions tensors)
        : base(nameof(PixArtModulation))
    {
        _embedding = new PixArtEmbedding(width, sizes, tensors);
        _projection = new Linear(width, 6 * width, options: tensors);
        RegisterComponents();
    }

    /// <summary>[B, width], in the dispose scope of the caller.</summary>
    public Tensor Embed(Tensor t, Conditioning conditioning) => _embedding.Forward(t, conditioning);

    /// <summary>[B, 6, width], in the dispose scope of the caller.</summary>
    public Tensor Of(Tensor embedding) => _projection.call(functional.silu(embedding)).unflatten(1, 6, -1);
}

internal sealed class PixArtEmbedding : Module
{
    private const int Sizes = 3;

    private static readonly SinusoidalEmbedding Sinusoids = new(256);

    [ComponentName(Name = "timestep_embedder")]
    private readonly TimestepEmbedding _time;

    [ComponentName(Name = "resolution_embedder")]
    private readonly TimestepEmbedding? _resolution;

    [ComponentName(Name = "aspect_ratio_embedder")]
    private readonly TimestepEmbedding? _aspectRatio;

    public PixArtEmbedding(int width, bool sizes, TensorOptions tensors)
        : base(nameof(PixArtEmbedding))
    {
        TimestepEmbedding Layers(int outWidth) => new(Sinusoids.Channels, outWidth, Activation.Silu, tensors);
        _time = Layers(width);
        _resolution = sizes ? Layers(width / Sizes) : null;
        _aspectRatio = sizes ? Layers(width / Sizes) : null;
        RegisterComponents();
    }

    public Tensor Forward(Tensor t, Conditioning conditioning)
    {
        Tensor time = _time.call(Sinusoids.Of(t));
        if (_resolution is null || _aspectRatio is null)
        {
            return time;
        }

        if (conditioning.SizeIds is not { } sizes || sizes.dim() != 2 || sizes.shape[1] != Sizes)
        {
            throw new ArgumentException("This network takes sizes: the conditioning must hold SizeIds [B, 3], height, width and aspect ratio.", nameof(conditioning));
        }

        Tensor resolution = _resolution.call(Sinusoids.Of(sizes.narrow(1, 0, 2).flatten())).view(sizes.shape[0], -1);
        return time.Plus(cat([resolution, _aspectRatio.call(Sinusoids.Of(sizes.narrow(1, 2, 1).flatten()))], dim: -1));
    }
}
