using static TorchSharp.torch;

namespace Millrace;

/// <summary>Pixels to latents and back; a latent model is a pixel model between the two.</summary>
public interface IAutoencoder
{
    /// <summary>Side of the image over side of the latent; both sides of an image must be divisible by it.</summary>
    int SpatialFactor { get; }

    /// <summary>Channels of the latent.</summary>
    int LatentChannels { get; }

    /// <summary>Encodes images. Deterministic: the mean where the encoder gives a distribution, so that a still input gives a still latent.</summary>
    /// <param name="image">[B, 3, H, W], float32 in [-1, 1].</param>
    /// <returns>Scaled latents, [B, C, H / factor, W / factor], float32; the caller's to dispose.</returns>
    Tensor Encode(Tensor image);

    /// <summary>Decodes scaled latents.</summary>
    /// <param name="latent">[B, C, h, w], float32.</param>
    /// <returns>Images, [B, 3, h * factor, w * factor], float32, about [-1, 1] (not clamped); the caller's to dispose.</returns>
    Tensor Decode(Tensor latent);
}
