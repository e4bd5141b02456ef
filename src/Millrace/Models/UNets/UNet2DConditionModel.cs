using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>
/// The text-conditional U-Net of Stable Diffusion 1.x and 2.x (latent diffusion, arXiv 2112.10752). Parameter names are
/// those of the diffusers class of the same name.
/// </summary>
public sealed class UNet2DConditionModel : Module<Tensor, Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "time_embedding")]
    private readonly TimestepEmbedding _timeEmbedding;

    [ComponentName(Name = "conv_in")]
    private readonly Convolution2d _inConvolution;

    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<DownBlock2D> _downBlocks;

    [ComponentName(Name = "mid_block")]
    private readonly MidBlock2D _midBlock;

    [ComponentName(Name = "up_blocks")]
    private readonly ModuleList<UpBlock2D> _upBlocks;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormalization _outNorm;

    [ComponentName(Name = "conv_act")]
    private readonly Module<Tensor, Tensor> _outActivation;

    [ComponentName(Name = "conv_out")]
    private readonly Convolution2d _outConvolution;

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
        IReadOnlyList<int> widths = options.BlockOutChannels;
        _timeEmbedding = new TimestepEmbedding(
            widths[0], options.TimeEmbedDim, options.FlipSinToCos, options.FreqShift, options.Activation, tensors);
        _inConvolution = new Convolution2d(options.InChannels, widths[0], kernelSize: 3, padding: 1, options: tensors);

        List<int> skipWidths = [widths[0]];
        _downBlocks = ModuleList<DownBlock2D>();
        for (int stage = 0; stage < widths.Count; stage++)
        {
            _downBlocks.Add(new DownBlock2D(skipWidths[^1], stage, options, tensors));
            bool coarsest = stage == widths.Count - 1;
            skipWidths.AddRange(Enumerable.Repeat(widths[stage], options.LayersPerBlock + (coarsest ? 0 : 1)));
        }

        _midBlock = new MidBlock2D(options, tensors);

        int layers = options.LayersPerBlock + 1;
        _upBlocks = ModuleList<UpBlock2D>();
        for (int stage = widths.Count - 1; stage >= 0; stage--)
        {
            int inWidth = widths[Math.Min(stage + 1, widths.Count - 1)];
            _upBlocks.Add(new UpBlock2D(inWidth, skipWidths[(stage * layers)..((stage + 1) * layers)], stage, options, tensors));
        }

        _outNorm = new GroupNormOptions(options.NormNumGroups, options.NormEps).Create(widths[0], tensors);
        _outActivation = options.Activation.CreateLayer();
        _outConvolution = new Convolution2d(widths[0], options.OutChannels, kernelSize: 3, padding: 1, options: tensors);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public UNet2DConditionOptions Options { get; }

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, [B, C, H, W], any sides; in the precision of the parameters, or, for mixed-precision training, in a lower one.</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="text">Hidden states of the text, [B, tokens, width], in the precision of <paramref name="x"/>.</param>
    /// <returns>[B, C, H, W].</returns>
    /// <exception cref="ArgumentException">Where the shape of an argument does not fit; names it.</exception>
    public override Tensor forward(Tensor x, Tensor t, Tensor text)
    {
        TensorCheck.Image(x, Options.InChannels);
        TensorCheck.Rows(x, t, text, Options.CrossAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        Tensor embedding = EmbedTimesteps(t).to(x.dtype);
        UNetFeatures features = Encode(x, embedding, text);
        return Decode(features, embedding, text).MoveToOuterDisposeScope();
    }

    /// <summary>Timesteps [B] to the vectors [B, width] that enter every residual block.</summary>
    public Tensor EmbedTimesteps(Tensor t) => _timeEmbedding.call(t);

    /// <summary>The first half: the way down and the middle block.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="embedding">From <see cref="EmbedTimesteps"/>.</param>
    /// <param name="text">Hidden states of the text, [B, tokens, width].</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public UNetFeatures Encode(Tensor x, Tensor embedding, Tensor text)
    {
        List<Tensor> skips = [_inConvolution.call(x)];
        foreach (DownBlock2D block in _downBlocks)
        {
            skips.AddRange(block.Forward(skips[^1], embedding, text));
        }

        return new UNetFeatures(_midBlock.Forward(skips[^1], embedding, text), skips);
    }

    /// <summary>The second half: the way up.</summary>
    /// <param name="features">From <see cref="Encode"/>; left as they are.</param>
    /// <param name="embedding">From <see cref="EmbedTimesteps"/>.</param>
    /// <param name="text">Hidden states of the text, [B, tokens, width].</param>
    /// <returns>The prediction, [B, C, H, W], in the dispose scope of the caller.</returns>
    public Tensor Decode(UNetFeatures features, Tensor embedding, Tensor text)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = features.Middle;
        ReadOnlySpan<Tensor> skips = features.Skips.ToArray();
        foreach (UpBlock2D block in _upBlocks)
        {
            ReadOnlySpan<Tensor> own = skips[^block.Layers..];
            skips = skips[..^block.Layers];
            x = block.Forward(x, embedding, text, own, size: skips.IsEmpty ? [] : skips[^1].shape[2..]);
        }

        return _outConvolution.call(_outNorm.Activated(x, _outActivation)).MoveToOuterDisposeScope();
    }
}
