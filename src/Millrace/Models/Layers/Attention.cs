using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Kernel = Millrace.Runtime.Kernels.Attention;

namespace Millrace.Models.Layers;

/// <summary>Multi-head attention of tokens [B, N, width] to a context [B, M, context width]; to themselves where the context is the tokens.</summary>
internal sealed class Attention : Module<Tensor, Tensor, Tensor>
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
    private readonly int _heads;
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
        (_width, _heads, _contextIsTokens, _upcast) = (width, heads, contextIsTokens, upcast);
        _query = new Linear(width, width, bias, tensors);
        _key = new Linear(contextWidth, width, bias, tensors);
        _value = new Linear(contextWidth, width, bias, tensors);
        _output = Sequential(new Linear(width, width, options: tensors));
        RegisterComponents();
    }

    /// <summary>
    /// Joins the projections that read the same tokens into one matrix and uses the kernel of this project where it can be;
    /// without gradients only. The separate projections stay for what the kernel does not take.
    /// </summary>
    public void Fuse()
    {
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
    public Tensor Forward(Tensor tokens, Tensor context, Tensor? bias)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor attended = bias is null && _joinedProjection is { } joined && Kernel.Handles(tokens, _width, _heads)
            ? AttendFused(tokens, context, joined)
            : Attend(_query.call(tokens), _key.call(context), _value.call(context), bias).to(tokens.dtype);
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

    private Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? bias) =>
        functional.scaled_dot_product_attention(SplitHeads(query), SplitHeads(key), SplitHeads(value), attn_mask: _upcast ? bias?.to(float32) : bias?.to(query.dtype))
            .transpose(1, 2).flatten(2);

    // [B, N, width] to [B, heads, N, width / heads]
    private Tensor SplitHeads(Tensor tokens)
    {
        Tensor heads = tokens.unflatten(2, _heads, -1).transpose(1, 2);
        return _upcast ? heads.to(float32) : heads;
    }
}
