using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>The transformer of FLUX.1 (github.com/black-forest-labs/flux). Parameter names are those of the diffusers class of the same name.</summary>
public sealed class FluxTransformer2DModel : Module<Tensor, Tensor, Conditioning, Tensor>, IConditionalNetwork
{
    // Side of the square of latents that makes one token.
    private const int Packing = 2;

    [ComponentName(Name = "time_text_embed")]
    private readonly TimeTextEmbedding _embedding;

    [ComponentName(Name = "context_embedder")]
    private readonly Linear _text;

    [ComponentName(Name = "x_embedder")]
    private readonly Linear _picture;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<JointBlock> _blocks;

    [ComponentName(Name = "single_transformer_blocks")]
    private readonly ModuleList<FluxSingleBlock> _singleBlocks;

    [ComponentName(Name = "norm_out")]
    private readonly ModulatedNorm _outNorm;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _output;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public FluxTransformer2DModel(FluxOptions options, TensorOptions? tensors = null)
        : base(nameof(FluxTransformer2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        int width = options.Width, heads = options.NumAttentionHeads;
        _embedding = new TimeTextEmbedding(width, options.PooledProjectionDim, options.GuidanceEmbeds, tensors);
        _text = new Linear(options.JointAttentionDim, width, options: tensors);
        _picture = new Linear(options.InChannels, width, options: tensors);
        _blocks = ModuleList([.. Enumerable.Range(0, options.NumLayers).Select(_ => new JointBlock(width, heads, normalizes: true, last: false, tensors))]);
        _singleBlocks = ModuleList([.. Enumerable.Range(0, options.NumSingleLayers).Select(_ => new FluxSingleBlock(width, heads, tensors))]);
        _outNorm = new ModulatedNorm(width, tensors);
        _output = new Linear(width, options.PatchSize * options.PatchSize * options.InChannels, options: tensors);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public FluxOptions Options { get; }

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => call(x, t, conditioning);

    /// <summary>Predicts the flow for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], even sides, 4 C the width of a token.</param>
    /// <param name="t">Noise level of each row in [0, 1], [B].</param>
    /// <param name="conditioning">Text, pooled text, and the guidance scale where the network takes it.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Conditioning conditioning)
    {
        TensorCheck.Image(x, Options.InChannels / (Packing * Packing), Packing);
        TensorCheck.Rows(x, t, conditioning.Text, Options.JointAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        long batch = x.shape[0], channels = x.shape[1], rows = x.shape[2] / Packing, columns = x.shape[3] / Packing;
        Tensor tokens = x.view(batch, channels, rows, Packing, columns, Packing).permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1);
        Tensor prediction = PredictTokens(tokens, t, conditioning, PictureIds(rows, columns, x.device), zeros(conditioning.Text.shape[1], 3, device: x.device));
        return prediction.view(batch, rows, columns, channels, Packing, Packing).permute(0, 3, 1, 4, 2, 5)
            .reshape(x.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Predicts for tokens at any places, under autograd.</summary>
    /// <param name="tokens">[B, N, width of a token].</param>
    /// <param name="t">Noise level of each row in [0, 1], [B].</param>
    /// <param name="conditioning">Text, pooled text, and the guidance scale where the network takes it.</param>
    /// <param name="pictureIds">Place of each token on each axis, [N, axes]: nothing, row, column.</param>
    /// <param name="textIds">The same of the text's tokens, [M, axes]; usually 0.</param>
    /// <returns>[B, N, width of a token]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public Tensor PredictTokens(Tensor tokens, Tensor t, Conditioning conditioning, Tensor pictureIds, Tensor textIds)
    {
        long[] shape = tokens.shape;
        if (shape.Length != 3 || shape[2] != Options.InChannels)
        {
            throw new ArgumentException($"tokens must be [B, N, {Options.InChannels}], got [{string.Join(", ", shape)}].", nameof(tokens));
        }

        TensorCheck.Rows(tokens, t, conditioning.Text, Options.JointAttentionDim);
        CheckIds(pictureIds, shape[1], nameof(pictureIds));
        CheckIds(textIds, conditioning.Text.shape[1], nameof(textIds));
        using DisposeScope scope = NewDisposeScope();
        Tensor embedding = _embedding.Forward(t.to(float32).Times(1000), conditioning, guidanceFactor: 1000).to(tokens.dtype);
        RotaryPositions positions = Positions(cat([textIds, pictureIds], 0));
        Tensor picture = _picture.call(tokens), text = _text.call(conditioning.Text);
        foreach (JointBlock block in _blocks)
        {
            (picture, text) = block.Forward(picture, text, embedding, positions);
        }

        Tensor all = cat([text, picture], dim: 1);
        foreach (FluxSingleBlock block in _singleBlocks)
        {
            all = block.Forward(all, embedding, positions);
        }

        return _output.call(_outNorm.call(all.narrow(1, text.shape[1], shape[1]), embedding)).MoveToOuterDisposeScope();
    }

    private static Tensor PictureIds(long rows, long columns, Device device)
    {
        Tensor down = TensorArithmetic.Indices(rows, device, float32).unsqueeze(1).expand(rows, columns), across = TensorArithmetic.Indices(columns, device, float32).unsqueeze(0).expand(rows, columns);
        return stack([zeros_like(down), down, across], dim: -1).view(-1, 3);
    }

    private void CheckIds(Tensor ids, long count, string name)
    {
        if (!ids.shape.SequenceEqual([count, Options.AxesDimsRope.Count]))
        {
            throw new ArgumentException($"{name} must be [{count}, {Options.AxesDimsRope.Count}], one place for each token, got [{string.Join(", ", ids.shape)}].", name);
        }
    }

    private RotaryPositions Positions(Tensor ids) => RotaryPositions.Of(cat(
        [.. Options.AxesDimsRope.Select((width, axis) => RotaryPositions.Angles(ids[.., axis], width))], dim: -1));
}
