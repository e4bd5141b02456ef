using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>The transformer of Stable Diffusion 3 (Esser et al. 2024, arXiv 2403.03206). Parameter names are those of the diffusers class of the same name.</summary>
public sealed class SD3Transformer2DModel : Module<Tensor, Tensor, Conditioning, Tensor>, IConditionalNetwork
{
    [ComponentName(Name = "pos_embed")]
    private readonly PatchEmbedding _patches;

    [ComponentName(Name = "time_text_embed")]
    private readonly TimeTextEmbedding _embedding;

    [ComponentName(Name = "context_embedder")]
    private readonly Linear _text;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<JointBlock> _blocks;

    [ComponentName(Name = "norm_out")]
    private readonly ModulatedNorm _outNorm;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _output;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public SD3Transformer2DModel(StableDiffusion3Options options, TensorOptions? tensors = null)
        : base(nameof(SD3Transformer2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        int width = options.Width;
        _patches = new PatchEmbedding(options.InChannels, width, options.PatchSize, tensors, options.PosEmbedMaxSize);
        _embedding = new TimeTextEmbedding(width, options.PooledProjectionDim, guidance: false, tensors);
        _text = new Linear(options.JointAttentionDim, width, options: tensors);
        _blocks = ModuleList([.. Enumerable.Range(1, options.NumLayers).Select(layer =>
            new JointBlock(width, options.NumAttentionHeads, options.NormalizesQueriesAndKeys, last: layer == options.NumLayers, tensors))]);
        _outNorm = new ModulatedNorm(width, tensors);
        _output = new Linear(width, options.PatchSize * options.PatchSize * options.OutChannels, options: tensors);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public StableDiffusion3Options Options { get; }

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => call(x, t, conditioning);

    /// <summary>Predicts the flow for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], sides divisible by the patch.</param>
    /// <param name="t">Noise level times 1000 of each row, [B].</param>
    /// <param name="conditioning">Text and pooled text.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Conditioning conditioning)
    {
        TensorCheck.Image(x, Options.InChannels, Options.PatchSize);
        TensorCheck.Rows(x, t, conditioning.Text, Options.JointAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        long rows = x.shape[2] / Options.PatchSize, columns = x.shape[3] / Options.PatchSize;
        Tensor picture = _patches.call(x).Plus(_patches.StoredPositions(rows, columns).to(x.dtype));
        Tensor embedding = _embedding.Forward(t, conditioning, guidanceFactor: 1).to(x.dtype), text = _text.call(conditioning.Text);
        foreach (JointBlock block in _blocks)
        {
            (picture, text) = block.Forward(picture, text, embedding, positions: null);
        }

        Tensor patches = _output.call(_outNorm.call(picture, embedding));
        return PatchEmbedding.Join(patches, rows, columns, Options.PatchSize).MoveToOuterDisposeScope();
    }
}
