using Millrace.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.UNets;

/// <summary>
/// A U-Net of pictures with attention over time between its layers: AnimateDiff (arXiv 2307.04725), AnimateLCM (arXiv 2402.00769).
/// Parameter names are those of the diffusers class of the same name.
/// </summary>
public sealed class UNetMotionModel : Module<Tensor, Tensor, Conditioning, Tensor>, IConditionalNetwork
{
    private readonly UNetConditionEmbedding _embedding;
    private readonly UNetWayDown _down;
    private readonly UNetWayUp _up;
    private readonly UNetMotionOptions _motion;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape; must hold <see cref="UNet2DConditionOptions.Motion"/>.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public UNetMotionModel(UNet2DConditionOptions options, TensorOptions? tensors = null)
        : base(nameof(UNetMotionModel))
    {
        options.Validate();
        _motion = options.Motion ?? throw new ArgumentException("The options of a motion U-Net must hold Motion.", nameof(options));
        tensors ??= TensorOptions.Default;
        Options = options;
        UNetLayout layout = options.Layout;
        _embedding = new UNetConditionEmbedding(options, tensors);
        _down = new UNetWayDown(layout, tensors);
        _up = new UNetWayUp(layout, _down.SkipWidths, tensors);
        this.Register([.. _embedding.Parts, .. _down.Parts, .. _up.Parts]);
    }

    /// <summary>The shape.</summary>
    public UNet2DConditionOptions Options { get; }

    /// <inheritdoc/>
    public ScalarType Precision => ModuleExtensions.Precision(this);

    /// <inheritdoc cref="Predict(Tensor, Tensor, Conditioning, UNetHooks)"/>
    public override Tensor forward(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning, UNetHooks.None);

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => Predict(x, t, conditioning, UNetHooks.None);

    /// <summary>Predicts for every clip, under autograd.</summary>
    /// <param name="x">x_t, [B, C, frames, H, W].</param>
    /// <param name="t">Training timestep of each clip, [B].</param>
    /// <param name="conditioning">One row for each clip.</param>
    /// <param name="hooks">What to do to the features of this request, whose rows are frames, [B * frames, ...].</param>
    /// <returns>[B, C, frames, H, W]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit; names it.</exception>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning, UNetHooks hooks)
    {
        long[] shape = x.shape;
        if (shape.Length != 5 || shape[1] != Options.InChannels || shape[2] < 1 || shape[2] > _motion.MaxSequenceLength)
        {
            throw new ArgumentException($"x must be [B, {Options.InChannels}, 1 to {_motion.MaxSequenceLength} frames, H, W], got [{string.Join(", ", shape)}].", nameof(x));
        }

        TensorCheck.Rows(x, t, conditioning.Text, Options.EncoderHidDim ?? Options.CrossAttentionDim);
        using DisposeScope scope = NewDisposeScope();
        long frames = shape[2];
        UNetContext clips = _embedding.Run(t, conditioning, x.dtype);
        Tensor PerFrame(Tensor rows) => rows.repeat_interleave(frames, 0);
        var context = new UNetContext(PerFrame(clips.Embedding), PerFrame(clips.Text!), clips.TextBias is null ? null : PerFrame(clips.TextBias)) { Hooks = hooks, Frames = (int)frames };
        Tensor rows = x.transpose(1, 2).flatten(0, 1).contiguous();
        Tensor prediction = _up.Run(_down.Run(rows, context), context);
        return prediction.unflatten(0, -1, frames).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }
}
