using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Transformers;

/// <summary>The transformer of Lumina-Next (arXiv 2406.18583). Parameter names are those of the diffusers class of the same name.</summary>
/// <remarks>Its time runs the other way: 0 is pure noise, 1 is data.</remarks>
public sealed class LuminaNextDiT2DModel : Module<Tensor, Tensor, Conditioning, Tensor>, IConditionalNetwork
{
    [ComponentName(Name = "patch_embedder")]
    private readonly LuminaPatches _patches;

    [ComponentName(Name = "time_caption_embed")]
    private readonly LuminaEmbedding _embedding;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<LuminaBlock> _blocks;

    [ComponentName(Name = "norm_out")]
    private readonly LuminaOutput _output;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public LuminaNextDiT2DModel(LuminaOptions options, TensorOptions? tensors = null)
        : base(nameof(LuminaNextDiT2DModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _patches = new LuminaPatches(options, tensors);
        _embedding = new LuminaEmbedding(options, tensors);
        _blocks = ModuleList([.. Enumerable.Range(0, options.NumLayers).Select(_ => new LuminaBlock(options, tensors))]);
        _output = new LuminaOutput(options, tensors);
        RegisterComponents();

        // Of packs of pictures of several sizes, which are not computed here; checkpoints hold it.
        register_parameter("pad_token", tensors.CreateParameter(options.HiddenSize));
    }

    /// <summary>The shape.</summary>
    public LuminaOptions Options { get; }

    /// <inheritdoc/>
    public ScalarType Precision => _patches.Precision(); // Gates and what pads stay in float32 where layers are prepared for less.

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning, LuminaExtrapolation.None);

    /// <inheritdoc cref="Predict(Tensor, Tensor, Conditioning, LuminaExtrapolation)"/>
    public override Tensor forward(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning, LuminaExtrapolation.None);

    /// <summary>Predicts the velocity from noise to data for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], sides divisible by the patch.</param>
    /// <param name="t">Time of each row, [B]: 0 is pure noise, 1 is data.</param>
    /// <param name="conditioning">Text, and its mask where not all tokens count.</param>
    /// <param name="extrapolation">For grids larger than that of training.</param>
    /// <returns>[B, out channels, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning, LuminaExtrapolation extrapolation)
    {
        extrapolation.Validate();
        TensorCheck.Image(x, Options.InChannels, Options.PatchSize);
        TensorCheck.Rows(x, t, conditioning.Text, Options.CrossAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        long rows = x.shape[2] / Options.PatchSize, columns = x.shape[3] / Options.PatchSize;
        Tensor mask = (conditioning.TextMask ?? ones(conditioning.Text.shape[0], conditioning.Text.shape[1], device: x.device)).to(float32);
        if (mask.sum(1).min().item<float>() < 1)
        {
            throw new ArgumentException("Every row of TextMask must keep at least one token.", nameof(conditioning));
        }

        Tensor embedding = _embedding.Forward(t, conditioning.Text, mask).to(x.dtype);
        var request = new LuminaRequest(conditioning.Text, AttentionMask.ToBias(mask)!.to(x.dtype), embedding, Positions(rows, columns, extrapolation, x.device), Scale(rows * columns, extrapolation));
        Tensor tokens = _patches.call(x);
        foreach (LuminaBlock block in _blocks)
        {
            tokens = block.Forward(tokens, request);
        }

        return PatchEmbedding.Join(_output.call(tokens, embedding), rows, columns, Options.PatchSize).MoveToOuterDisposeScope();
    }

    // Pairs of a head tell the row and the column in turn.
    private RotaryPositions Positions(long rows, long columns, LuminaExtrapolation extrapolation, Device device)
    {
        int half = Options.HiddenSize / Options.NumAttentionHeads / 2;
        Tensor Axis(long count) => RotaryPositions.Angles(TensorArithmetic.Indices(count, device), half, extrapolation.LinearFactor, extrapolation.BaseFactor);
        Tensor down = Axis(rows).unsqueeze(1).expand(rows, columns, -1), across = Axis(columns).unsqueeze(0).expand(rows, columns, -1);
        return RotaryPositions.Of(stack([down, across], dim: -1).view(rows * columns, -1));
    }

    private static double Scale(long tokens, LuminaExtrapolation extrapolation) =>
        extrapolation.TrainedTokens is { } trained ? Math.Sqrt(Math.Log(tokens) / Math.Log(trained)) : 1;
}
