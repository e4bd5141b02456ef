using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Self-attention, attention to the text, feed-forward; each on normalized tokens and added to them. [B, N, width] to the same shape.</summary>
internal sealed class TransformerBlock : Module<Tensor, Tensor, Tensor>
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

    public TransformerBlock(int width, int textWidth, int heads, bool upcast, TensorOptions tensors)
        : base(nameof(TransformerBlock))
    {
        LayerNorm Norm() => nn.LayerNorm(width, device: tensors.Device, dtype: tensors.Precision);
        _selfNorm = Norm();
        _selfAttention = new Attention(width, width, heads, upcast, tensors, contextIsTokens: true);
        _crossNorm = Norm();
        _crossAttention = new Attention(width, textWidth, heads, upcast, tensors);
        _feedForwardNorm = Norm();
        _feedForward = new FeedForward(width, tensors);
        RegisterComponents();
    }

    /// <param name="tokens">[B, N, width].</param>
    /// <param name="text">[B, M, text width].</param>
    public override Tensor forward(Tensor tokens, Tensor text)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor normalized = _selfNorm.call(tokens);
        tokens = tokens.Plus(_selfAttention.call(normalized, normalized));
        tokens = tokens.Plus(_crossAttention.call(_crossNorm.call(tokens), text));
        return tokens.Plus(_feedForward.call(_feedForwardNorm.call(tokens))).MoveToOuterDisposeScope();
    }
}
