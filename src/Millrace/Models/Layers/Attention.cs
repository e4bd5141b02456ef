using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Kernel = Millrace.Runtime.Kernels.Attention;

namespace Millrace.Models.Layers;

/// <summary>Multi-head attention of tokens [B, N, width] to a context [B, M, context width]; to themselves where the context is the tokens.</summary>
internal sealed class Attention : Module<Tensor, Tensor, Tensor>, IBranchedLayer, IRegionalLayer
{
    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_k")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v")]
    private readonly Linear _value;

    [ComponentName(Name = "to_out")]
    private readonly Sequential _output;

    private readonly int _width;
    private readonly int _headWidth;
    private int _heads;
    private readonly bool _contextIsTokens;
    private readonly bool _upcast;
    private Tensor? _joinedProjection;
    private Tensor? _joinedBias;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="contextWidth">Width of the context.</param>
    /// <param name="heads">Number of heads; divides <paramref name="width"/>.</param>
    /// <param name="upcast">Whether products and softmax are computed in float32, whatever the precision of the parameters.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="contextIsTokens">Whether the context is always the tokens themselves.</param>
    /// <param name="bias">Whether the projections of query, key and value have a bias.</param>
    public Attention(int width, int contextWidth, int heads, bool upcast, TensorOptions tensors, bool contextIsTokens = false, bool bias = false)
        : base(nameof(Attention))
    {
        (_width, _headWidth, _heads, _contextIsTokens, _upcast) = (width, width / heads, heads, contextIsTokens, upcast);
        _query = new Linear(width, width, bias, tensors);
        _key = new Linear(contextWidth, width, bias, tensors);
        _value = new Linear(contextWidth, width, bias, tensors);
        _output = Sequential(new Linear(width, width, options: tensors));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public LayerBranch Branch => LayerBranch.OfHeads(_heads, _headWidth);

    /// <inheritdoc/>
    public void Keep(int units, TensorOptions tensors)
    {
        Branch.Resize(this, units, tensors);
        _heads = units;
    }

    /// <inheritdoc/>
    public GlobalRegionalAttention? Regional { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the context is not the tokens.</exception>
    public void UseRegions(RegionalAttentionOptions options, TensorOptions tensors)
    {
        if (!_contextIsTokens)
        {
            throw new ArgumentException("Attention to a text has no grid of keys: only that of pixels to each other can be one of windows.", nameof(options));
        }

        register_module(GlobalRegionalAttention.Part, Regional = new GlobalRegionalAttention(options, _heads, tensors));
    }

    /// <summary>
    /// Joins the projections that read the same tokens into one matrix and uses the kernel of this project where it can be;
    /// without gradients only. The separate projections stay for what the kernel does not take.
    /// </summary>
    public void Fuse()
    {
        if (_heads * _headWidth != _width || Regional is not null)
        {
            return; // The kernel takes whole layers with whole attention.
        }

        Linear[] joined = _contextIsTokens ? [_query, _key, _value] : [_key, _value];
        using IDisposable noGrad = no_grad();
        _joinedProjection?.Dispose();
        _joinedBias?.Dispose();
        _joinedProjection = cat([.. joined.Select(projection => projection.Weight)], 0).DetachFromDisposeScope();
        _joinedBias = _query.Bias is null ? null : cat([.. joined.Select(projection => projection.Bias!)], 0).DetachFromDisposeScope();
    }

    /// <summary>Joins the projections again after their weights have changed; nothing where they were never joined.</summary>
    public void RefreshFused()
    {
        if (_joinedProjection is not null)
        {
            Fuse();
        }
    }

    public override Tensor forward(Tensor tokens, Tensor context) => Forward(tokens, context, bias: null);

    /// <param name="tokens">[B, N, width].</param>
    /// <param name="context">[B, M, context width].</param>
    /// <param name="bias">Added to the scores, [B, 1, 1 or N, M]; null for none.</param>
    /// <param name="grid">Height and width of the grid that the tokens are of, where they are of one.</param>
    /// <param name="further">What is attended to beside the context; null or empty for nothing.</param>
    public Tensor Forward(Tensor tokens, Tensor context, Tensor? bias, (long Height, long Width)? grid = null, IReadOnlyList<AttentionContext>? further = null)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_heads == 0)
        {
            return _output.call(tokens.narrow(2, 0, 0)).MoveToOuterDisposeScope();
        }

        if (further is not { Count: > 0 } && bias is null && _joinedProjection is { } joined && Kernel.Handles(tokens, _width, _heads))
        {
            return _output.call(AttendFused(tokens, context, joined)).MoveToOuterDisposeScope();
        }

        Tensor query = _query.call(tokens), attended = Attend(query, _key.call(context), _value.call(context), bias, grid).to(tokens.dtype);
        foreach (AttentionContext other in further ?? [])
        {
            attended = attended.Plus(Attend(query, other.Key, other.Value, bias: null, grid: null).to(tokens.dtype) * other.Scale);
        }

        return _output.call(attended).MoveToOuterDisposeScope();
    }

    /// <summary>What attention gives where each token attends to itself alone: its own value, projected.</summary>
    public Tensor Identity(Tensor tokens)
    {
        using Tensor value = _value.call(tokens);
        return _output.call(value);
    }

    protected override void Dispose(bool disposing)
    {
        _joinedProjection?.Dispose();
        _joinedBias?.Dispose();
        base.Dispose(disposing);
    }

    private Tensor AttendFused(Tensor tokens, Tensor context, Tensor joined) => _contextIsTokens
        ? Kernel.Run(functional.linear(tokens, joined, _joinedBias), _heads)
        : Kernel.Run(_query.call(tokens), functional.linear(context, joined, _joinedBias), _heads);

    private Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? bias, (long Height, long Width)? grid)
    {
        (Tensor queries, Tensor keys, Tensor values) = (SplitHeads(query), SplitHeads(key), SplitHeads(value));
        Tensor attended = Regional is not null && grid is { } sides
            ? Regional.Forward(queries, keys, values, sides.Height, sides.Width)
            : functional.scaled_dot_product_attention(queries, keys, values, attn_mask: _upcast ? bias?.to(float32) : bias?.to(query.dtype));
        return attended.transpose(1, 2).flatten(2);
    }

    // [B, N, width] to [B, heads, N, width / heads]
    private Tensor SplitHeads(Tensor tokens)
    {
        Tensor heads = tokens.unflatten(2, _heads, _headWidth).transpose(1, 2);
        return _upcast ? heads.to(float32) : heads;
    }
}
