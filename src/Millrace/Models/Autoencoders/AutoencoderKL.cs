using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Autoencoders;

/// <summary>
/// The autoencoder of Stable Diffusion and FLUX (latent diffusion, arXiv 2112.10752), whose encoder gives a Gaussian. Parameter names
/// are those of the diffusers class of the same name.
/// </summary>
public sealed class AutoencoderKL : Module<Tensor, Tensor>, IAutoencoder
{
    [ComponentName(Name = "encoder")]
    private readonly KLEncoder _encoder;

    [ComponentName(Name = "decoder")]
    private readonly KLDecoder _decoder;

    [ComponentName(Name = "quant_conv")]
    private readonly Convolution2d? _momentProjection;

    [ComponentName(Name = "post_quant_conv")]
    private readonly Convolution2d? _latentProjection;

    /// <summary>Builds the network. Its parameters have no values until they are loaded or initialised.</summary>
    /// <param name="options">The shape.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    public AutoencoderKL(AutoencoderKLOptions options, TensorOptions? tensors = null)
        : base(nameof(AutoencoderKL))
    {
        options.Validate();
        tensors ??= TensorOptions.Default;
        Options = options;
        _encoder = new KLEncoder(options, tensors);
        _decoder = new KLDecoder(options, tensors);
        _momentProjection = options.UseQuantConv ? new Convolution2d(2 * options.LatentChannels, 2 * options.LatentChannels, kernelSize: 1, options: tensors) : null;
        _latentProjection = options.UsePostQuantConv ? new Convolution2d(options.LatentChannels, options.LatentChannels, kernelSize: 1, options: tensors) : null;
        RegisterComponents();
    }

    /// <summary>The shape.</summary>
    public AutoencoderKLOptions Options { get; }

    /// <inheritdoc/>
    public int SpatialFactor => Options.SpatialFactor;

    /// <inheritdoc/>
    public int LatentChannels => Options.LatentChannels;

    /// <summary>Encodes to the mean and decodes it, under autograd.</summary>
    /// <param name="image">[B, 3, H, W] in [-1, 1], in the precision of the parameters.</param>
    /// <returns>The reconstruction, [B, 3, H, W], about [-1, 1].</returns>
    public override Tensor forward(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        return DecodeRaw(EncodeMoments(image).Mean).MoveToOuterDisposeScope();
    }

    /// <summary>The Gaussian over raw (unscaled) latents, under autograd.</summary>
    /// <param name="image">[B, 3, H, W] in [-1, 1], in the precision of the parameters.</param>
    /// <returns>Two tensors [B, C, H / factor, W / factor]; the caller's to dispose.</returns>
    public (Tensor Mean, Tensor LogVariance) EncodeMoments(Tensor image)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor encoded = _encoder.call(image);
        Tensor[] moments = (_momentProjection?.call(encoded) ?? encoded).chunk(2, dim: 1);
        return (moments[0].MoveToOuterDisposeScope(), moments[1].Clamped(-30, 20).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="image"/> does not fit.</exception>
    public Tensor Encode(Tensor image)
    {
        TensorCheck.Image(image, Options.InChannels, SpatialFactor);
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor mean = EncodeMoments(image.to(this.Precision())).Mean.to(float32);
        return mean.Plus(-Options.ShiftFactor).Times(Options.ScalingFactor).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="latent"/> does not fit.</exception>
    public Tensor Decode(Tensor latent)
    {
        TensorCheck.Image(latent, LatentChannels);
        using IDisposable _ = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor raw = latent.Times(1 / Options.ScalingFactor).Plus(Options.ShiftFactor).to(this.Precision());
        return DecodeRaw(raw).to(float32).MoveToOuterDisposeScope();
    }

    private Tensor DecodeRaw(Tensor latent)
    {
        using Tensor? projected = _latentProjection?.call(latent);
        return _decoder.call(projected ?? latent);
    }
}
