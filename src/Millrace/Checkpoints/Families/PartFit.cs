namespace Millrace.Checkpoints.Families;

/// <summary>Whether the parts of a model fit one another.</summary>
internal static class PartFit
{
    private const int LargestSize = 65536;

    /// <exception cref="ArgumentException">Where they do not; says what does not hold.</exception>
    public static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException($"The parts of a model must fit one another: {otherwise}.");
        }
    }

    /// <summary>Side of the pictures that a network was trained on.</summary>
    /// <param name="latentSide">Side of its latents.</param>
    /// <param name="factor">The autoencoder's factor.</param>
    /// <exception cref="ArgumentException">Where it is no side of a picture.</exception>
    public static int Size(int latentSide, int factor)
    {
        Require((long)latentSide * factor is > 0 and <= LargestSize,
            $"latents of side {latentSide} times the autoencoder's factor {factor} must make pictures of side 1 to {LargestSize}");
        return latentSide * factor;
    }

    /// <exception cref="ArgumentException">Where a network's latents are not those of the autoencoder.</exception>
    public static void RequireLatents(int channels, IAutoencoder autoencoder) => Require(channels == autoencoder.LatentChannels,
        $"the network takes latents of {channels} channels, but the autoencoder's have {autoencoder.LatentChannels}");

    /// <exception cref="ArgumentException">Where a network reads text of another width than its encoders give.</exception>
    public static void RequireText(int width, int given, string what = "text") => Require(width == given,
        $"the network reads {what} of width {width}, but the text encoders give {given}");
}
