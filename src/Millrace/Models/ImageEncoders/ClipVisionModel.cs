using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = Millrace.Models.Layers.Embedding;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.ImageEncoders;

/// <summary>The picture transformer of CLIP (Radford et al. 2021, arXiv 2103.00020). Parameter names are those of the transformers class <c>CLIPVisionModelWithProjection</c>.</summary>
public sealed class ClipVisionModel : Module
{
    [ComponentName(Name = "vision_model")]
    private readonly ClipVisionTransformer _transformer;

    [ComponentName(Name = "visual_projection")]
    private readonly Linear? _projection;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public ClipVisionModel(ClipVisionOptions options, TensorOptions? tensors = null)
        : base(nameof(ClipVisionModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _transformer = new ClipVisionTransformer(options, tensors);
        _projection = options.ProjectionDim is { } width ? new Linear(options.HiddenSize, width, bias: false, tensors) : null;
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public ClipVisionOptions Options { get; }

    /// <summary>Encodes pictures, under autograd.</summary>
    /// <param name="pixels">[B, channels, side, side], as of <see cref="ClipPicture"/>, in the precision of the parameters.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    /// <exception cref="ArgumentException">Where the shape is another.</exception>
    public ClipVisionOutput Encode(Tensor pixels)
    {
        int side = Options.ImageSize;
        if (pixels.dim() != 4 || !pixels.shape.AsSpan(1).SequenceEqual([Options.NumChannels, side, side]))
        {
            throw new ArgumentException($"pixels must be [B, {Options.NumChannels}, {side}, {side}], got [{string.Join(", ", pixels.shape)}].", nameof(pixels));
        }

        using DisposeScope scope = NewDisposeScope();
        (Tensor whole, Tensor penultimate) = _transformer.Run(pixels);
        return new ClipVisionOutput(penultimate.MoveToOuterDisposeScope(), _projection?.call(whole).MoveToOuterDisposeScope());
    }
}

internal sealed class ClipVisionTransformer : Module
{
    [ComponentName(Name = "embeddings")]
    private readonly ClipVisionEmbeddings _embeddings;

    // The name is misspelled in every published file.
    [ComponentName(Name = "pre_layrnorm")]
    private readonly LayerNorm _firstNorm;

    [ComponentName(Name = "encoder")]
    private readonly ClipLayers _encoder;

    [ComponentName(Name = "post_layernorm")]
    private readonly LayerNorm _lastNorm;

    public ClipVisionTransformer(ClipVisionOptions options, TensorOptions tensors)
        : base(nameof(ClipVisionTransformer))
    {
        LayerNorm Norm() => LayerNorm(options.HiddenSize, options.LayerNormEps, device: tensors.Device, dtype: tensors.Precision);
        _embeddings = new ClipVisionEmbeddings(options, tensors);
        _firstNorm = Norm();
        _encoder = new ClipLayers(options.NumHiddenLayers, options.Layer, tensors);
        _lastNorm = Norm();
        RegisterComponents();
    }

    /// <summary>The token of the whole picture at the end, normalized, [B, width], and all tokens before the last layer.</summary>
    public (Tensor Whole, Tensor Penultimate) Run(Tensor pixels)
    {
        (Tensor last, Tensor penultimate) = _encoder.Run(_firstNorm.call(_embeddings.call(pixels)));
        return (_lastNorm.call(last.select(1, 0)), penultimate);
    }
}

/// <summary>A token for the whole picture, then one for each patch from the upper left; each with its position. [B, C, S, S] to [B, tokens, width].</summary>
internal sealed class ClipVisionEmbeddings : Module<Tensor, Tensor>
{
    [ComponentName(Name = "class_embedding")]
    private readonly Parameter _whole;

    [ComponentName(Name = "patch_embedding")]
    private readonly Convolution2d _patches;

    [ComponentName(Name = "position_embedding")]
    private readonly Embedding _positions;

    public ClipVisionEmbeddings(ClipVisionOptions options, TensorOptions tensors)
        : base(nameof(ClipVisionEmbeddings))
    {
        _whole = tensors.CreateParameter(options.HiddenSize);
        _patches = new Convolution2d(options.NumChannels, options.HiddenSize, options.PatchSize, stride: options.PatchSize, bias: false, options: tensors);
        _positions = new Embedding(options.Tokens, options.HiddenSize, tensors);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = _patches.call(pixels).flatten(2).transpose(1, 2);
        Tensor whole = _whole.to(patches.dtype).expand(pixels.shape[0], 1, -1);
        return cat([whole, patches], dim: 1).Plus(_positions.Weight).MoveToOuterDisposeScope();
    }
}
