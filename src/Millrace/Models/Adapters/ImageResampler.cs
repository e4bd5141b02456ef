using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Adapters;

/// <summary>Learned queries that gather from all tokens of a picture, layer by layer (the perceiver resampler of Flamingo, arXiv 2204.14198, section 3.1.1). [B, N, width] to [B, tokens, context width].</summary>
internal sealed class ImageResampler : ImageProjection
{
    [ComponentName(Name = "latents")]
    private readonly Parameter _queries;

    [ComponentName(Name = "proj_in")]
    private readonly Linear _in;

    [ComponentName(Name = "proj_out")]
    private readonly Linear _out;

    [ComponentName(Name = "norm_out")]
    private readonly LayerNorm _outNorm;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<ImageResamplerLayer> _layers;

    public ImageResampler(IPAdapterOptions options, TensorOptions tensors)
        : base(nameof(ImageResampler))
    {
        _queries = tensors.CreateParameter(1, options.Tokens, options.InnerWidth);
        _in = new Linear(options.ImageWidth, options.InnerWidth, options: tensors);
        _out = new Linear(options.InnerWidth, options.ContextWidth, options: tensors);
        _outNorm = LayerNorm(options.ContextWidth, device: tensors.Device, dtype: tensors.Precision);
        _layers = ModuleList([.. Enumerable.Range(0, options.Depth).Select(_ => new ImageResamplerLayer(options, tensors))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor seen = _in.call(tokens), queries = _queries.to(seen.dtype).expand(seen.shape[0], -1, -1);
        foreach (ImageResamplerLayer layer in _layers)
        {
            queries = layer.Run(queries, seen);
        }

        return _outNorm.call(_out.call(queries)).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention of the queries to the picture and to themselves, then a feed-forward layer; each added to them.</summary>
internal sealed class ImageResamplerLayer : Module
{
    [ComponentName(Name = "0")]
    private readonly ImageResamplerAttention _attention;

    [ComponentName(Name = "1")]
    private readonly Sequential _feedForward;

    public ImageResamplerLayer(IPAdapterOptions options, TensorOptions tensors)
        : base(nameof(ImageResamplerLayer))
    {
        int width = options.InnerWidth;
        _attention = new ImageResamplerAttention(width, options.Heads, tensors);
        _feedForward = Sequential(
            ("0", LayerNorm(width, device: tensors.Device, dtype: tensors.Precision)),
            ("1", new Linear(width, options.FeedForwardWidth, bias: false, tensors)),
            ("2", GELU()),
            ("3", new Linear(options.FeedForwardWidth, width, bias: false, tensors)));
        RegisterComponents();
    }

    public Tensor Run(Tensor queries, Tensor seen)
    {
        using DisposeScope scope = NewDisposeScope();
        queries = queries.Plus(_attention.Run(queries, seen));
        return queries.Plus(_feedForward.call(queries)).MoveToOuterDisposeScope();
    }
}

/// <summary>Multi-head attention of normalized queries to the normalized tokens of the picture with the queries behind them.</summary>
internal sealed class ImageResamplerAttention : Module
{
    [ComponentName(Name = "norm1")]
    private readonly LayerNorm _seenNorm;

    [ComponentName(Name = "norm2")]
    private readonly LayerNorm _queryNorm;

    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_kv")]
    private readonly Linear _keyValue;

    [ComponentName(Name = "to_out")]
    private readonly Linear _output;

    private readonly int _heads;

    public ImageResamplerAttention(int width, int heads, TensorOptions tensors)
        : base(nameof(ImageResamplerAttention))
    {
        LayerNorm Norm() => LayerNorm(width, device: tensors.Device, dtype: tensors.Precision);
        int inner = heads * IPAdapterOptions.HeadWidth;
        _heads = heads;
        (_seenNorm, _queryNorm) = (Norm(), Norm());
        _query = new Linear(width, inner, bias: false, tensors);
        _keyValue = new Linear(width, 2 * inner, bias: false, tensors);
        _output = new Linear(inner, width, bias: false, tensors);
        RegisterComponents();
    }

    public Tensor Run(Tensor queries, Tensor seen)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Heads(Tensor tokens) => tokens.unflatten(2, _heads, -1).transpose(1, 2); // [B, heads, N, width of a head]
        Tensor normalized = _queryNorm.call(queries);
        Tensor[] keyValue = _keyValue.call(cat([_seenNorm.call(seen), normalized], dim: 1)).chunk(2, -1);
        Tensor attended = functional.scaled_dot_product_attention(Heads(_query.call(normalized)), Heads(keyValue[0]), Heads(keyValue[1]));
        return _output.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }
}
