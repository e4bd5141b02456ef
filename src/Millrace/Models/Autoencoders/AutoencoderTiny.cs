using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>
/// The tiny autoencoder for Stable Diffusion (TAESD, github.com/madebyollin/taesd): plain residual convolutions, no
/// normalization, no attention. Parameter names are those of the diffusers class of the same name.
/// </summary>
/// <remarks>
/// Widths may differ from stage to stage, which the diffusers class cannot do: there all widths of one half are equal.
/// </remarks>
public sealed class AutoencoderTiny : Module<Tensor, Tensor>, IAutoencoder
{
    [ComponentName(Name = "encoder")]
    private readonly TinyEncoder _encoder;

    [ComponentName(Name = "decoder")]
    private readonly TinyDecoder _decoder;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public AutoencoderTiny(AutoencoderTinyOptions options, TensorOptions? tensors = null)
        : base(nameof(AutoencoderTiny))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _encoder = new TinyEncoder(options, tensors);
        _decoder = new TinyDecoder(options, tensors);
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public AutoencoderTinyOptions Options { get; }

    /// <summary>Images [B, 3, H, W] in [-1, 1] to raw (unscaled) latents, under autograd.</summary>
    public Module<Tensor, Tensor> Encoder => _encoder;

    /// <summary>Raw (unscaled) latents to images, about [-1, 1], under autograd.</summary>
    public Module<Tensor, Tensor> Decoder => _decoder;

    /// <inheritdoc/>
    public int SpatialFactor => Options.SpatialFactor;

    /// <inheritdoc/>
    public int LatentChannels => Options.LatentChannels;

    /// <summary>Encodes and decodes under autograd.</summary>
    /// <param name="image">[B, 3, H, W] in [-1, 1], in the precision of the parameters.</param>
    /// <returns>The reconstruction, [B, 3, H, W], about [-1, 1].</returns>
    public override Tensor forward(Tensor image)
    {
        using Tensor latent = _encoder.call(image);
        return _decoder.call(latent);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="image"/> does not fit.</exception>
    public Tensor Encode(Tensor image)
    {
        TensorCheck.Image(image, Options.InChannels, SpatialFactor);
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor latent = _encoder.call(image.to(this.Precision())).to(float32);
        return latent.Times(Options.ScalingFactor).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="latent"/> does not fit.</exception>
    public Tensor Decode(Tensor latent)
    {
        TensorCheck.Image(latent, LatentChannels);
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor raw = latent.Times(1 / Options.ScalingFactor).to(this.Precision());
        return _decoder.call(raw).to(float32).MoveToOuterDisposeScope();
    }
}
