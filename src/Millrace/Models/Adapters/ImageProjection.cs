using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Adapters;

/// <summary>What a picture encoder gives to the tokens of an <see cref="IPAdapterModel"/>, [B, tokens, context width].</summary>
internal abstract class ImageProjection(string name) : Module<Tensor, Tensor>(name);

/// <summary>A vector of the picture, [B, width], to some tokens, normalized.</summary>
internal sealed class ImageVectorProjection : ImageProjection
{
    [ComponentName(Name = "proj")]
    private readonly Linear _projection;

    [ComponentName(Name = "norm")]
    private readonly LayerNorm _norm;

    private readonly int _tokens;

    public ImageVectorProjection(IPAdapterOptions options, TensorOptions tensors)
        : base(nameof(ImageVectorProjection))
    {
        _tokens = options.Tokens;
        _projection = new Linear(options.ImageWidth, options.Tokens * options.ContextWidth, options: tensors);
        _norm = LayerNorm(options.ContextWidth, device: tensors.Device, dtype: tensors.Precision);
        RegisterComponents();
    }

    public override Tensor forward(Tensor vector)
    {
        using DisposeScope scope = NewDisposeScope();
        return _norm.call(_projection.call(vector).unflatten(1, _tokens, -1)).MoveToOuterDisposeScope();
    }
}

/// <summary>Each token of the picture, [B, tokens, width], by itself, normalized.</summary>
internal sealed class ImageTokenProjection : ImageProjection
{
    [ComponentName(Name = "proj")]
    private readonly Sequential _layers;

    public ImageTokenProjection(IPAdapterOptions options, TensorOptions tensors)
        : base(nameof(ImageTokenProjection))
    {
        _layers = Sequential(
            ("0", new Linear(options.ImageWidth, options.InnerWidth, options: tensors)),
            ("1", GELU()),
            ("2", new Linear(options.InnerWidth, options.ContextWidth, options: tensors)),
            ("3", LayerNorm(options.ContextWidth, device: tensors.Device, dtype: tensors.Precision)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens) => _layers.call(tokens);
}
