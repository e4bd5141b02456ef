using Millrace.Models.Layers;

namespace Millrace.Models.Autoencoders;

/// <summary>
/// Shape of an <see cref="AutoencoderTiny"/>; the defaults are those of the one for Stable Diffusion 1.x (TAESD). The names
/// are those of a diffusers <c>config.json</c>.
/// </summary>
public sealed record AutoencoderTinyOptions
{
    /// <summary>Channels of the image.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the decoded image.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Width of each stage of the encoder, from the image to the latent; each stage after the first halves the sides.</summary>
    public IReadOnlyList<int> EncoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Width of each stage of the decoder, from the latent to the image; each stage but the last doubles the sides.</summary>
    public IReadOnlyList<int> DecoderBlockOutChannels { get; init; } = [64, 64, 64, 64];

    /// <summary>Residual blocks in each stage of the encoder.</summary>
    public IReadOnlyList<int> NumEncoderBlocks { get; init; } = [1, 3, 3, 3];

    /// <summary>Residual blocks in each stage of the decoder.</summary>
    public IReadOnlyList<int> NumDecoderBlocks { get; init; } = [3, 3, 3, 1];

    /// <summary>Nonlinearity inside the blocks; the one after each residual sum is always <see cref="Activation.Relu"/>.</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <summary>Multiplies the raw latent on encoding and divides it on decoding; above 0.</summary>
    public double ScalingFactor { get; init; } = 1;

    /// <summary>Largest absolute value of a raw latent that 8-bit storage keeps; above 0. Not used in encoding and decoding.</summary>
    public double LatentMagnitude { get; init; } = 3;

    /// <summary>Where a raw latent of 0 lies in the [0, 1] of 8-bit storage. Not used in encoding and decoding.</summary>
    public double LatentShift { get; init; } = 0.5;

    /// <summary>Side of the image over side of the latent: 2 to the number of stages less one.</summary>
    public int SpatialFactor => 1 << (EncoderBlockOutChannels.Count - 1);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(OutChannels);
        OptionCheck.Positive(LatentChannels);
        OptionCheck.Positive(ScalingFactor);
        OptionCheck.Positive(LatentMagnitude);
        OptionCheck.Positive(EncoderBlockOutChannels);
        OptionCheck.Positive(DecoderBlockOutChannels);
        OptionCheck.Layers(NumEncoderBlocks);
        OptionCheck.Layers(NumDecoderBlocks);
        OptionCheck.Stages(NumEncoderBlocks, EncoderBlockOutChannels.Count);
        OptionCheck.Stages(NumDecoderBlocks, EncoderBlockOutChannels.Count);
        OptionCheck.Stages(DecoderBlockOutChannels, EncoderBlockOutChannels.Count);
    }
}
