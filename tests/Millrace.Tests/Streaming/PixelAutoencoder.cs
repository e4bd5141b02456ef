using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>A latent is the mean colour of 8 x 8 pixels.</summary>
internal sealed class PixelAutoencoder : IAutoencoder
{
    public int SpatialFactor => 8;

    public int LatentChannels => 3;

    public Tensor Encode(Tensor image) => nn.functional.avg_pool2d(image, 8);

    public Tensor Decode(Tensor latent) => nn.functional.interpolate(latent, scale_factor: [8, 8]);
}
