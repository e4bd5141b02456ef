using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>
/// The text-conditional U-Net of Stable Diffusion 1.x and 2.x, SDXL and latent consistency models (latent diffusion,
/// arXiv 2112.10752; SDXL, arXiv 2307.01952). Parameter names are those of the diffusers class of the same name.
/// </summary>
public sealed class UNet2DConditionModel : Module<Tensor, Tensor, Tensor, Tensor>, IHookedUNet, IRestructuredNetwork
{
    private readonly UNetConditionEmbedding _embedding;
    private readonly UNetWayDown _down;
    private readonly UNetWayUp _up;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public UNet2DConditionModel(UNet2DConditionOptions options, TensorOptions? tensors = null)
        : base(nameof(UNet2DConditionModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        UNetLayout layout = options.Layout;
        _embedding = new UNetConditionEmbedding(options, tensors);
        _down = new UNetWayDown(layout, tensors);
        _up = new UNetWayUp(layout, _down.SkipWidths, tensors);
        this.Register([.. _embedding.Parts, .. _down.Parts, .. _up.Parts]);
        options.Changes.ApplyTo(this, tensors);
    }

    /// <summary>The shape.</summary>
    public UNet2DConditionOptions Options { get; }

    StructureChanges IRestructuredNetwork.Changes => Options.Changes;

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <summary>Predicts for every row from text alone, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], any sides; in the precision of the parameters, or, for mixed-precision training, in a lower one.</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="text">Hidden states of the text, [B, tokens, width], in the precision of <paramref name="x"/>.</param>
    /// <returns>[B, C, H, W].</returns>
    /// <exception cref="ArgumentException">Where the shape of an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Tensor text) => Predict(x, t, new Conditioning(text), UNetHooks.None);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning, UNetHooks.None);

    Module IRestructuredNetwork.With(StructureChanges changes, TensorOptions tensors) => new UNet2DConditionModel(Options with { Changes = changes }, tensors);

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], any sides.</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="conditioning">Text, and what else this network takes: pooled text and sizes (SDXL), guidance, classes.</param>
    /// <param name="hooks">What to do to the features of this request.</param>
    /// <returns>[B, C, H, W].</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning, UNetHooks hooks)
    {
        TensorCheck.Image(x, Options.InChannels);
        TensorCheck.Rows(x, t, conditioning.Text, Options.EncoderHidDim ?? Options.CrossAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        UNetContext context = Prepare(t, conditioning, x.dtype) with { Hooks = hooks };
        return Decode(Encode(x, context), context).MoveToOuterDisposeScope();
    }

    /// <summary>Everything of a request that the two halves read beside x_t.</summary>
    /// <param name="t">[B].</param>
    /// <param name="conditioning">One row for each of <paramref name="t"/>.</param>
    /// <param name="precision">Of x_t; null for that of the parameters.</param>
    /// <returns>Tensors in the dispose scope of the caller; without hooks, which are set on the value.</returns>
    public UNetContext Prepare(Tensor t, Conditioning conditioning, ScalarType? precision = null) => _embedding.Run(t, conditioning, precision ?? Precision);

    /// <summary>The same with the guidance scale as the sinusoids that the timestep embedding takes.</summary>
    internal UNetContext Prepare(Tensor t, Conditioning conditioning, Tensor guidanceEmbedding) => _embedding.Run(t, conditioning, Precision, guidanceEmbedding);

    /// <summary>Name and width of every block that attends to the text: those of the way down, of the way up, and of the middle.</summary>
    internal IEnumerable<(string Name, int Width)> TextAttention() => this.named_modules()
        .Select(part => (part.name, block: part.module as TransformerBlock))
        .Where(part => part.block is not null)
        .OrderBy(part => part.name.StartsWith("mid_block.", StringComparison.Ordinal) ? 2 : part.name.StartsWith("up_blocks.", StringComparison.Ordinal) ? 1 : 0)
        .Select(part => (part.name, part.block!.Width));

    /// <summary>The first half: the way down and the middle block.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="context">The request.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public UNetFeatures Encode(Tensor x, UNetContext context) => _down.Run(x, context);

    /// <summary>The second half: the way up. Controls and skip hooks apply here, so that the features of one encoding serve decodings with others.</summary>
    /// <param name="features">From <see cref="Encode"/>; left as they are.</param>
    /// <param name="context">The request.</param>
    /// <returns>The prediction, [B, C, H, W], in the dispose scope of the caller.</returns>
    public Tensor Decode(UNetFeatures features, UNetContext context) => _up.Run(features, context);
}
