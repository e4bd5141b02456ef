using Millrace.Models.UNets;

namespace Millrace.Models.Adapters;

/// <summary>Shape of a <see cref="ControlNetModel"/>; the defaults are those for Stable Diffusion 1.x.</summary>
public sealed record ControlNetOptions
{
    /// <summary>The way down and the middle, which are a copy of the U-Net's.</summary>
    public UNet2DConditionOptions UNet { get; init; } = new();

    /// <summary>Channels of the picture that controls.</summary>
    public int ConditioningChannels { get; init; } = 3;

    /// <summary>Widths on the picture's way to the latents' size; each after the first halves the sides.</summary>
    public IReadOnlyList<int> ConditioningWidths { get; init; } = [16, 32, 96, 256];

    /// <summary>Whether the picture's channels are read in the order blue, green, red.</summary>
    public bool ReversesChannels { get; init; }

    /// <summary>Whether every residual is averaged over its pixels.</summary>
    public bool PoolsResiduals { get; init; }

    /// <summary>Side of the picture over side of the latent.</summary>
    public int ConditioningFactor => 1 << (ConditioningWidths.Count - 1);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        UNet.Validate();
        OptionCheck.Positive(ConditioningChannels);
        OptionCheck.Positive(ConditioningWidths);
    }
}
