using Millrace.Models.Layers;
using Millrace.Models.UNets;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Adapters;

/// <summary>
/// A copy of a U-Net's first half that reads a picture and gives residuals for the U-Net (Zhang et al. 2023, arXiv 2302.05543).
/// Parameter names are those of the diffusers class of the same name.
/// </summary>
public sealed class ControlNetModel : Module
{
    private readonly UNetConditionEmbedding _embedding;
    private readonly UNetWayDown _down;
    private readonly ControlNetHint _hint;
    private readonly ModuleList<Convolution2d> _downProjections;
    private readonly Convolution2d _middleProjection;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public ControlNetModel(ControlNetOptions options, TensorOptions? tensors = null)
        : base(nameof(ControlNetModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        Convolution2d Projection(int width) => new(width, width, kernelSize: 1, options: tensors);
        _embedding = new UNetConditionEmbedding(options.UNet, tensors);
        _down = new UNetWayDown(options.UNet.Layout, tensors);
        _hint = new ControlNetHint(options, tensors);
        _downProjections = ModuleList([.. _down.SkipWidths.Select(Projection)]);
        _middleProjection = Projection(options.UNet.BlockOutChannels[^1]);
        this.Register(
        [
            .. _embedding.Parts, .. _down.Parts,
            ("controlnet_cond_embedding", _hint), ("controlnet_down_blocks", _downProjections), ("controlnet_mid_block", _middleProjection),
        ]);
    }

    /// <summary>The shape.</summary>
    public ControlNetOptions Options { get; }

    /// <summary>The picture on the latents' grid. It depends on neither x_t nor t: one serves every step of a request.</summary>
    /// <param name="picture">[B or 1, channels, factor * H, factor * W], usually in [0, 1], in the precision of the parameters.</param>
    /// <returns>[B or 1, width, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the shape does not fit.</exception>
    public Tensor Hint(Tensor picture)
    {
        TensorCheck.Image(picture, Options.ConditioningChannels, Options.ConditioningFactor);
        using DisposeScope scope = NewDisposeScope();
        return _hint.call(Options.ReversesChannels ? picture.flip(1) : picture).MoveToOuterDisposeScope();
    }

    /// <summary>The residuals for a U-Net, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="conditioning">As for the U-Net.</param>
    /// <param name="hint">From <see cref="Hint"/>.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    /// <exception cref="ArgumentException">Where the shape of an argument does not fit; names it.</exception>
    public ControlResiduals Residuals(Tensor x, Tensor t, Conditioning conditioning, Tensor hint)
    {
        UNet2DConditionOptions unet = Options.UNet;
        TensorCheck.Image(x, unet.InChannels);
        TensorCheck.Rows(x, t, conditioning.Text, unet.EncoderHidDim ?? unet.CrossAttentionDim);
        if (hint.dim() != 4 || !hint.shape.AsSpan(2).SequenceEqual(x.shape.AsSpan(2)))
        {
            throw new ArgumentException(
                $"The control picture must have {Options.ConditioningFactor} times the sides of x, which are [{string.Join(", ", x.shape[2..])}]; on their grid it is [{string.Join(", ", hint.shape)}].", nameof(hint));
        }

        using DisposeScope scope = NewDisposeScope();
        UNetFeatures features = _down.Run(x, _embedding.Run(t, conditioning, x.dtype), hint);
        Tensor Residual(Convolution2d projection, Tensor feature)
        {
            Tensor residual = projection.call(feature);
            return (Options.PoolsResiduals ? residual.mean([2, 3], keepdim: true) : residual).MoveToOuterDisposeScope();
        }

        return new ControlResiduals(
            [.. features.Skips.Select((skip, index) => Residual(_downProjections[index], skip))],
            Residual(_middleProjection, features.Middle));
    }
}

/// <summary>Convolutions that bring a picture to the latents' grid.</summary>
internal sealed class ControlNetHint : Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Convolution2d _in;

    [ComponentName(Name = "blocks")]
    private readonly ModuleList<Convolution2d> _blocks;

    [ComponentName(Name = "conv_out")]
    private readonly Convolution2d _out;

    public ControlNetHint(ControlNetOptions options, TensorOptions tensors)
        : base(nameof(ControlNetHint))
    {
        Convolution2d Convolution(int inWidth, int outWidth, int stride = 1) => new(inWidth, outWidth, kernelSize: 3, stride, padding: 1, options: tensors);
        IReadOnlyList<int> widths = options.ConditioningWidths;
        _in = Convolution(options.ConditioningChannels, widths[0]);
        _blocks = ModuleList([.. widths.Zip(widths.Skip(1)).SelectMany(pair => new[] { Convolution(pair.First, pair.First), Convolution(pair.First, pair.Second, stride: 2) })]);
        _out = Convolution(widths[^1], options.UNet.BlockOutChannels[0]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor picture)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = functional.silu(_in.call(picture));
        foreach (Convolution2d convolution in _blocks)
        {
            x = functional.silu(convolution.call(x));
        }

        return _out.call(x).MoveToOuterDisposeScope();
    }
}
