using Millrace.Models.UNets;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>x + a transformer over the pixels of x as tokens, [B, C, H, W] to the same shape (latent diffusion, arXiv 2112.10752).</summary>
internal sealed class SpatialTransformer : Module, IResidualLayer
{
    // Not the epsilon of the network's configuration: it is fixed in every published checkpoint.
    private const double NormEpsilon = 1e-6;

    [ComponentName(Name = "norm")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "proj_in")]
    private readonly Module<Tensor, Tensor> _inProjection;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<TransformerBlock> _blocks;

    [ComponentName(Name = "proj_out")]
    private readonly Module<Tensor, Tensor> _outProjection;

    private readonly bool _linearProjection;
    private bool _removed;

    /// <param name="channels">C.</param>
    /// <param name="innerWidth">Width of the tokens, that of all heads together.</param>
    /// <param name="textWidth">Width of the text.</param>
    /// <param name="heads">Number of heads; divides <paramref name="innerWidth"/>.</param>
    /// <param name="groups">Groups of the normalization.</param>
    /// <param name="linearProjection">Whether the projections in and out are stored as matrices, not as 1 x 1 convolutions; the function is the same.</param>
    /// <param name="upcast">Whether attention is computed in float32.</param>
    /// <param name="onlyCross">Whether all attention is to the text.</param>
    /// <param name="depth">Number of transformer blocks.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public SpatialTransformer(
        int channels, int innerWidth, int textWidth, int heads, int groups, bool linearProjection, bool upcast, bool onlyCross, int depth, TensorOptions tensors)
        : base(nameof(SpatialTransformer))
    {
        Module<Tensor, Tensor> Projection(int from, int to) => linearProjection
            ? new Linear(from, to, options: tensors)
            : new Convolution2d(from, to, kernelSize: 1, options: tensors);
        _linearProjection = linearProjection;
        _norm = new GroupNormOptions(groups, NormEpsilon).Create(channels, tensors);
        _inProjection = Projection(channels, innerWidth);
        _blocks = ModuleList([.. Enumerable.Range(0, depth).Select(_ => new TransformerBlock(innerWidth, textWidth, heads, upcast, onlyCross, tensors))]);
        _outProjection = Projection(innerWidth, channels);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool KeepsShape => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> Ends => ["proj_out"];

    /// <inheritdoc/>
    public void Remove()
    {
        this.Discard(_ => true);
        _removed = true;
    }

    /// <param name="x">[B, C, H, W].</param>
    /// <param name="context">The text, and what the caller asks of attention.</param>
    /// <param name="path">Name of this layer in the network.</param>
    public Tensor Forward(Tensor x, UNetContext context, string path)
    {
        if (_removed)
        {
            return x.alias();
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor hidden = _norm.call(x);
        Tensor tokens = _linearProjection ? _inProjection.call(ToTokens(hidden)) : ToTokens(_inProjection.call(hidden));
        for (int block = 0; block < _blocks.Count; block++)
        {
            tokens = _blocks[block].Forward(tokens, context, $"{path}.transformer_blocks.{block}", (x.shape[2], x.shape[3]));
        }

        hidden = _linearProjection
            ? ToPixels(_outProjection.call(tokens), x)
            : _outProjection.call(ToPixels(tokens, x));
        return x.Plus(hidden).MoveToOuterDisposeScope();
    }

    // [B, C or inner width, H, W] to [B, H W, C or inner width]
    private static Tensor ToTokens(Tensor pixels) => pixels.flatten(2).transpose(1, 2).contiguous();

    // [B, H W, C or inner width] to [B, C or inner width, H, W]
    private static Tensor ToPixels(Tensor tokens, Tensor like)
    {
        Tensor pixels = tokens.transpose(1, 2).unflatten(2, like.shape[2], like.shape[3]);
        return like.is_contiguous() ? pixels.contiguous() : pixels; // as they lie, tokens are pixels in channels-last order
    }
}
