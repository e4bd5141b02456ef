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

    private readonly int _heads;
    private readonly bool _upcast;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="contextWidth">Width of the context.</param>
    /// <param name="heads">Number of heads; divides <paramref name="width"/>.</param>
    /// <param name="upcast">Whether products and softmax are computed in float32, whatever the precision of the parameters.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public Attention(int width, int contextWidth, int heads, bool upcast, TensorOptions tensors)
        : base(nameof(Attention))
    {
        _heads = heads;
        _upcast = upcast;
        _query = new Linear(width, width, bias: false, tensors);
        _key = new Linear(contextWidth, width, bias: false, tensors);
        _value = new Linear(contextWidth, width, bias: false, tensors);
        _output = Sequential(new Linear(width, width, options: tensors));
        RegisterComponents();
    }

    /// <summary>Whether the kernel of this project is used where it can be; without gradients only.</summary>
    public bool Fused { get; set; }

    public override Tensor forward(Tensor tokens, Tensor context)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor query = _query.call(tokens), key = _key.call(context), value = _value.call(context);
        Tensor attended = Fused && Kernel.Handles(query, key, _heads)
            ? Kernel.Run(query, key, value, _heads)
            : Attend(query, key, value).to(tokens.dtype);
        return _output.call(attended).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor query, Tensor key, Tensor value) =>
        functional.scaled_dot_product_attention(SplitHeads(query), SplitHeads(key), SplitHeads(value)).transpose(1, 2).flatten(2);

    // [B, N, width] to [B, heads, N, width / heads]
    private Tensor SplitHeads(Tensor tokens)
    {
        Tensor heads = tokens.unflatten(2, _heads, -1).transpose(1, 2);
        return _upcast ? heads.to(float32) : heads;
    }
}
