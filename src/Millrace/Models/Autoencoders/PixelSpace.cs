using static TorchSharp.torch;

namespace Millrace.Models.Autoencoders;

/// <summary>For models that work in pixels: latents are the pixels themselves.</summary>
public sealed class PixelSpace : IAutoencoder
{
    /// <inheritdoc/>
    public int SpatialFactor => 1;

    /// <inheritdoc/>
    public int LatentChannels => 3;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="image"/> does not fit.</exception>
    public Tensor Encode(Tensor image)
    {
        TensorCheck.Image(image, LatentChannels);
        return image.clone();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the shape of <paramref name="latent"/> does not fit.</exception>
    public Tensor Decode(Tensor latent)
    {
        TensorCheck.Image(latent, LatentChannels);
        return latent.clone();
    }
}
