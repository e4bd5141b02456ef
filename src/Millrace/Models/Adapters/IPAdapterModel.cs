using Millrace.Models.ImageEncoders;
using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Adapters;

/// <summary>
/// Lets a picture prompt beside the text (IP-Adapter, Ye et al. 2023, arXiv 2308.06721): tokens of the picture, and for each attention to the
/// text in a U-Net two matrices that make keys and values of them. Parameter names are those of the original, but that layers are counted through.
/// </summary>
public sealed class IPAdapterModel : Module
{
    [ComponentName(Name = "image_proj")]
    private readonly ImageProjection _projection;

    [ComponentName(Name = "ip_adapter")]
    private readonly ModuleList<IPAdapterLayer> _layers;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public IPAdapterModel(IPAdapterOptions options, TensorOptions? tensors = null)
        : base(nameof(IPAdapterModel))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _projection = options.Kind switch
        {
            IPAdapterKind.Plus => new ImageResampler(options, tensors),
            IPAdapterKind.Full => new ImageTokenProjection(options, tensors),
            _ => new ImageVectorProjection(options, tensors),
        };
        _layers = ModuleList([.. options.LayerWidths.Select(width => new IPAdapterLayer(options.ContextWidth, width, tensors))]);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public IPAdapterOptions Options { get; }

    /// <summary>The tokens of pictures.</summary>
    /// <param name="encoder">The picture encoder that the adapter was trained with.</param>
    /// <param name="pixels">[B, channels, side, side], as the encoder takes them.</param>
    /// <returns>[B, tokens, context width]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the encoder has other widths.</exception>
    public Tensor Tokens(ClipVisionModel encoder, Tensor pixels)
    {
        CheckFit(encoder);
        using DisposeScope scope = NewDisposeScope();
        ClipVisionOutput seen = encoder.Encode(pixels.to(encoder.Precision()));
        Tensor features = Options.Kind == IPAdapterKind.Plain ? seen.ImageEmbeddings! : seen.PenultimateHiddenState;
        return _projection.call(features.to(this.Precision())).MoveToOuterDisposeScope();
    }

    /// <summary>The tokens of no picture, which the negative prompt of guidance goes with: those of a zero vector, or of a picture of zeros where the adapter reads the encoder's tokens.</summary>
    /// <param name="encoder">The picture encoder that the adapter was trained with.</param>
    /// <returns>[1, tokens, context width]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where the encoder has other widths.</exception>
    public Tensor TokensOfNothing(ClipVisionModel encoder)
    {
        CheckFit(encoder);
        using DisposeScope scope = NewDisposeScope();
        ClipVisionOptions picture = encoder.Options;
        return (Options.Kind == IPAdapterKind.Plain
            ? _projection.call(zeros([1, Options.ImageWidth], dtype: this.Precision()))
            : Tokens(encoder, zeros(1, picture.NumChannels, picture.ImageSize, picture.ImageSize))).MoveToOuterDisposeScope();
    }

    /// <summary>Keys and values of a picture's tokens for one attention of the U-Net, both [B, tokens, width], in the dispose scope of the caller.</summary>
    internal (Tensor Key, Tensor Value) Context(int layer, Tensor tokens) => _layers[layer].Run(tokens);

    private void CheckFit(ClipVisionModel encoder)
    {
        ClipVisionOptions seen = encoder.Options;
        bool plain = Options.Kind == IPAdapterKind.Plain;
        if ((plain ? seen.ProjectionDim : seen.HiddenSize) != Options.ImageWidth)
        {
            throw new ArgumentException(
                $"The IP-Adapter was trained with another picture encoder: it takes {(plain ? "embeddings" : "hidden states")} of width {Options.ImageWidth}; the encoder has hidden states of width {seen.HiddenSize} and {(seen.ProjectionDim is { } width ? $"embeddings of width {width}" : "no embeddings")}.", nameof(encoder));
        }
    }
}

/// <summary>Keys and values of a picture's tokens.</summary>
internal sealed class IPAdapterLayer : Module
{
    [ComponentName(Name = "to_k_ip")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v_ip")]
    private readonly Linear _value;

    public IPAdapterLayer(int contextWidth, int width, TensorOptions tensors)
        : base(nameof(IPAdapterLayer))
    {
        (_key, _value) = (new Linear(contextWidth, width, bias: false, tensors), new Linear(contextWidth, width, bias: false, tensors));
        RegisterComponents();
    }

    public (Tensor Key, Tensor Value) Run(Tensor tokens) => (_key.call(tokens), _value.call(tokens));
}
