using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.UNets;

/// <summary>x + a transformer over the frames of a clip, at each pixel by itself (AnimateDiff, arXiv 2307.04725).</summary>
internal sealed class MotionModule : Module, IResidualLayer
{
    // Fixed in every published checkpoint.
    private const double NormEpsilon = 1e-6;

    [ComponentName(Name = "norm")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "proj_in")]
    private readonly Linear _inProjection;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<MotionBlock> _blocks;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _outProjection;

    private bool _removed;

    public MotionModule(int channels, UNetMotion motion, int layer, int groups, TensorOptions tensors)
        : base(nameof(MotionModule))
    {
        _norm = new GroupNormOptions(groups, NormEpsilon).Create(channels, tensors);
        int width = motion.AttentionWidth(channels);
        _inProjection = new Linear(channels, width, options: tensors);
        _blocks = ModuleList([.. Enumerable.Range(0, motion.Depth(layer)).Select(_ => new MotionBlock(width, motion, tensors))]);
        _outProjection = new Linear(width, channels, options: tensors);
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

    /// <param name="x">[B * frames, C, H, W], the frames of a clip one after another.</param>
    /// <param name="frames">Frames of each clip.</param>
    public Tensor Forward(Tensor x, int frames)
    {
        if (_removed)
        {
            return x.alias();
        }

        using DisposeScope scope = NewDisposeScope();
        long[] shape = x.shape;
        (long channels, long height, long width) = (shape[1], shape[2], shape[3]);

        // One normalization over all frames of a clip: [B, C, frames * H, W].
        Tensor clips = x.unflatten(0, -1, frames).transpose(1, 2);
        Tensor normalized = _norm.call(clips.reshape(-1, channels, frames * height, width)).view(-1, channels, frames, height, width);
        Tensor tokens = _inProjection.call(normalized.permute(0, 3, 4, 2, 1).reshape(-1, frames, channels)); // [B H W, frames, C]
        foreach (MotionBlock block in _blocks)
        {
            tokens = block.call(tokens);
        }

        Tensor moved = _outProjection.call(tokens).view(-1, height, width, frames, channels).permute(0, 3, 4, 1, 2);
        return x.Plus(moved.reshape(shape)).MoveToOuterDisposeScope();
    }
}

/// <summary>Two attentions of frames to each other and a feed-forward layer; the place in time is added before each attention. [N, frames, width] to the same shape.</summary>
internal sealed class MotionBlock : Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly LayerNorm _firstNorm;

    [ComponentName(Name = "attn1")]
    private readonly Attention _first;

    [ComponentName(Name = "norm2")]
    private readonly LayerNorm _secondNorm;

    [ComponentName(Name = "attn2")]
    private readonly Attention _second;

    [ComponentName(Name = "norm3")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    [ComponentName(Name = "pos_embed")]
    private readonly FramePositions _positions;

    public MotionBlock(int width, UNetMotion motion, TensorOptions tensors)
        : base(nameof(MotionBlock))
    {
        LayerNorm Norm() => nn.LayerNorm(width, device: tensors.Device, dtype: tensors.Precision);
        Attention Attention() => new(width, width, motion.Heads, upcast: false, tensors, contextIsTokens: true);
        (_firstNorm, _secondNorm, _feedForwardNorm) = (Norm(), Norm(), Norm());
        (_first, _second) = (Attention(), Attention());
        _feedForward = new FeedForward(width, tensors);
        _positions = new FramePositions(width, motion.MaxFrames, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor placed = _positions.call(_firstNorm.call(tokens));
        tokens = tokens.Plus(_first.call(placed, placed));
        placed = _positions.call(_secondNorm.call(tokens));
        tokens = tokens.Plus(_second.call(placed, placed));
        return tokens.Plus(_feedForward.call(_feedForwardNorm.call(tokens))).MoveToOuterDisposeScope();
    }
}

/// <summary>Adds to each frame a vector of sinusoids of its place, sines and cosines in turn. Checkpoints store the table.</summary>
internal sealed class FramePositions : Module<Tensor, Tensor>
{
    private const string Table = "pe";

    public FramePositions(int width, int maxFrames, TensorOptions tensors)
        : base(nameof(FramePositions))
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sinusoids = new SinusoidalEmbedding(width, CosineFirst: false).Of(TensorArithmetic.Indices(maxFrames, type: float32)); // [frames, sines then cosines]
        Tensor table = stack(sinusoids.chunk(2, dim: -1), dim: -1).flatten(1).unsqueeze(0);
        register_buffer(Table, table.to(tensors.Precision).to(tensors.Device ?? CPU).DetachFromDisposeScope());
    }

    public override Tensor forward(Tensor tokens)
    {
        using Tensor places = get_buffer(Table)!.narrow(1, 0, tokens.shape[1]);
        return tokens.Plus(places.to(tokens.dtype));
    }
}
