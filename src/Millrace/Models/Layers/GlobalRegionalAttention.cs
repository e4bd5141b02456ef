using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>
/// Attention of the tokens of a grid, queries, keys and values given: g to pooled tokens of the whole grid plus 1 - g within
/// windows, g a learned share of each head. N w^2 + N^2 / r^2 products of a query with a key, where the whole has N^2.
/// </summary>
/// <remarks>Reconstructed from the abstract of arXiv 2312.15516 (global-regional interactive attention), which gives no formula.</remarks>
internal sealed class GlobalRegionalAttention : Module
{
    /// <summary>Its name within an attention.</summary>
    public const string Part = "regional";

    [ComponentName(Name = "gate")]
    private Parameter _gate;

    private readonly RegionalAttentionOptions _options;

    public GlobalRegionalAttention(RegionalAttentionOptions options, int heads, TensorOptions tensors)
        : base(nameof(GlobalRegionalAttention))
    {
        options.Validate();
        _options = options;
        _gate = tensors.CreateParameter(heads);
        RegisterComponents();
    }

    /// <summary>The logit of each head's share of the pooled part, [heads].</summary>
    public Parameter Gate => _gate;

    /// <summary>Multiplications and additions of both products.</summary>
    public double Operations(long rows, long tokens, long channels)
    {
        double windows = (double)tokens * _options.Window * _options.Window, pooled = (double)tokens * tokens / (_options.Pooling * _options.Pooling);
        return 4.0 * rows * channels * ((_options.Mode == RegionalAttentionMode.Pooled ? 0 : windows) + (_options.Mode == RegionalAttentionMode.Windows ? 0 : pooled));
    }

    /// <param name="query">[B, heads, height * width, d].</param>
    /// <param name="key">The same.</param>
    /// <param name="value">The same.</param>
    /// <param name="height">Of the grid.</param>
    /// <param name="width">Of the grid.</param>
    /// <returns>[B, heads, height * width, d], in the dispose scope of the caller.</returns>
    /// <exception cref="ArgumentException">Where a side is not divisible by the window or by the pool.</exception>
    public Tensor Forward(Tensor query, Tensor key, Tensor value, long height, long width)
    {
        (int window, int pool) = (_options.Window, _options.Pooling);
        if (height % window != 0 || width % window != 0 || height % pool != 0 || width % pool != 0)
        {
            throw new ArgumentException($"A grid of {height} x {width} tokens does not divide into windows of {window} and pools of {pool} tokens a side.", nameof(query));
        }

        // One after the other, so that only one has its scores in memory.
        using DisposeScope scope = NewDisposeScope();
        if (_options.Mode == RegionalAttentionMode.Windows)
        {
            return Windows(query, key, value, height, width).MoveToOuterDisposeScope();
        }

        Tensor pooled = Pooled(query, key, value, height, width);
        if (_options.Mode == RegionalAttentionMode.Pooled)
        {
            return pooled.MoveToOuterDisposeScope();
        }

        Tensor share = sigmoid(_gate).to(query.dtype).view(1, -1, 1, 1);
        return (share * pooled).Plus(share.TakenFrom(1) * Windows(query, key, value, height, width)).MoveToOuterDisposeScope();
    }

    private Tensor Windows(Tensor query, Tensor key, Tensor value, long height, long width)
    {
        long side = _options.Window, rows = query.shape[0], heads = query.shape[1];

        // [B, heads, H W, d] to [B H/w W/w, heads, w w, d]
        Tensor Split(Tensor tokens) => tokens.reshape(rows, heads, height / side, side, width / side, side, -1).permute(0, 2, 4, 1, 3, 5, 6).reshape(-1, heads, side * side, tokens.shape[3]);
        Tensor attended = functional.scaled_dot_product_attention(Split(query), Split(key), Split(value));
        return attended.view(rows, height / side, width / side, heads, side, side, -1).permute(0, 3, 1, 4, 2, 5, 6).reshape(query.shape);
    }

    private Tensor Pooled(Tensor query, Tensor key, Tensor value, long height, long width)
    {
        long side = _options.Pooling;
        Tensor Pool(Tensor tokens) => tokens.reshape(tokens.shape[0], tokens.shape[1], height / side, side, width / side, side, -1).mean([3, 5]).flatten(2, 3);
        return functional.scaled_dot_product_attention(query, Pool(key), Pool(value));
    }
}
