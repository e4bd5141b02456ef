using Millrace.Models.Layers;

namespace Millrace.Models.Autoencoders;

/// <summary>
/// Shape of an <see cref="AutoencoderKL"/>; the defaults are those of Stable Diffusion 1.x. The names are those of a
/// diffusers <c>config.json</c>.
/// </summary>
public sealed record AutoencoderKLOptions
{
    /// <summary>Channels of the image.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the decoded image.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latent.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Width of each resolution, from the finest to the coarsest; each after the first has half the sides. Divisible by <see cref="NormNumGroups"/>.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [128, 256, 512, 512];

    /// <summary>Residual blocks of each resolution in the encoder; there is one more in the decoder.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Groups of every group normalization.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Nonlinearity of residual blocks.</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>Multiplies the latent's mean on encoding, so that its variance is about 1, and divides on decoding; above 0.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Taken from the latent's mean before it is multiplied (Stable Diffusion 3, FLUX); finite.</summary>
    public double ShiftFactor { get; init; }

    /// <summary>Whether a 1 x 1 convolution stands behind the encoder; Stable Diffusion 3 and FLUX have none.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>Whether a 1 x 1 convolution stands before the decoder; Stable Diffusion 3 and FLUX have none.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Whether the coarsest resolution has attention.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>Side of the image over side of the latent: 2 to the number of resolutions less one.</summary>
    public int SpatialFactor => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Of every group normalization; the epsilon is the same in every published checkpoint.</summary>
    internal GroupNormOptions Norm => new(NormNumGroups, Epsilon: 1e-6);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(InChannels);
        OptionCheck.Positive(OutChannels);
        OptionCheck.Positive(LatentChannels);
        OptionCheck.Layers(LayersPerBlock);
        OptionCheck.Positive(NormNumGroups);
        OptionCheck.Positive(ScalingFactor);
        if (!double.IsFinite(ShiftFactor))
        {
            throw new ArgumentOutOfRangeException(nameof(ShiftFactor), $"{nameof(ShiftFactor)} must be finite, got {ShiftFactor}.");
        }

        OptionCheck.Positive(BlockOutChannels);
        OptionCheck.Divisible(BlockOutChannels, [.. BlockOutChannels.Select(_ => NormNumGroups)]);
    }
}
