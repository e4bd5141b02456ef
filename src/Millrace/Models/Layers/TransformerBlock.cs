using Millrace.Models.UNets;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Self-attention, attention to the text, feed-forward; each on normalized tokens and added to them. [B, N, width] to the same shape.</summary>
internal sealed class TransformerBlock : Module, IResidualLayer, ICheckpointedBlock
{
    [ComponentName(Name = "norm1")]
    private readonly LayerNorm _selfNorm;

    [ComponentName(Name = "attn1")]
    private readonly Attention _selfAttention;

    [ComponentName(Name = "norm2")]
    private readonly LayerNorm _crossNorm;

    [ComponentName(Name = "attn2")]
    private readonly Attention _crossAttention;

    [ComponentName(Name = "norm3")]
    private readonly LayerNorm _feedForwardNorm;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    private readonly bool _onlyCross;
    private bool _removed;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="textWidth">Width of the text.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="upcast">Whether attention is computed in float32.</param>
    /// <param name="onlyCross">Whether the first attention too is to the text.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public TransformerBlock(int width, int textWidth, int heads, bool upcast, bool onlyCross, TensorOptions tensors)
        : base(nameof(TransformerBlock))
    {
        LayerNorm Norm() => nn.LayerNorm(width, device: tensors.Device, dtype: tensors.Precision);
        (Width, _onlyCross) = (width, onlyCross);
        _selfNorm = Norm();
        _selfAttention = new Attention(width, onlyCross ? textWidth : width, heads, upcast, tensors, contextIsTokens: !onlyCross);
        _crossNorm = Norm();
        _crossAttention = new Attention(width, textWidth, heads, upcast, tensors);
        _feedForwardNorm = Norm();
        _feedForward = new FeedForward(width, tensors);
        RegisterComponents();
    }

    /// <summary>Width of the tokens.</summary>
    public int Width { get; }

    /// <inheritdoc/>
    public bool KeepsShape => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> Ends => ["attn1.to_out.0", "attn2.to_out.0", "ff.net.2"];

    /// <inheritdoc/>
    public void Remove()
    {
        this.Discard(_ => true);
        _removed = true;
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    /// <param name="tokens">[B, N, width].</param>
    /// <param name="context">The text, and what the caller asks of attention.</param>
    /// <param name="path">Name of this block in the network.</param>
    /// <param name="grid">Height and width of the grid of pixels that the tokens are.</param>
    public Tensor Forward(Tensor tokens, UNetContext context, string path, (long Height, long Width) grid) => GradientCheckpointing.Run(
        this, inputs => Compute(inputs[0]!, context with { Text = inputs[1], TextBias = inputs[2] }, path, grid), tokens, context.Text, context.TextBias);

    private Tensor Compute(Tensor tokens, UNetContext context, string path, (long Height, long Width) grid)
    {
        if (_removed)
        {
            return tokens.alias();
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor text = context.Text!;
        Tensor normalized = _selfNorm.call(tokens);
        tokens = tokens.Plus(
            _onlyCross ? _selfAttention.Forward(normalized, text, context.TextBias)
            : context.Hooks.AttendsToItself(path) ? _selfAttention.Identity(normalized)
            : _selfAttention.Forward(normalized, normalized, bias: null, grid));
        tokens = tokens.Plus(_crossAttention.Forward(_crossNorm.call(tokens), text, context.TextBias, grid: null, context.Hooks.ContextsOf(path)));
        return tokens.Plus(_feedForward.call(_feedForwardNorm.call(tokens))).MoveToOuterDisposeScope();
    }
}
