namespace Millrace.Models;

/// <summary>How a family's networks differ from what <see cref="IDenoiser"/> promises: their clock, the sign of their output, the numbers that tell them the size of a picture.</summary>
public sealed record NetworkConvention
{
    /// <summary>Training timesteps 0..999, as U-Nets, DiT, PixArt and Stable Diffusion 3 take them.</summary>
    public static NetworkConvention Timesteps { get; } = new();

    /// <summary>The noise level in [0, 1]: FLUX.</summary>
    public static NetworkConvention NoiseLevel { get; } = new() { TimeScale = 1e-3 };

    /// <summary>1 less the noise level, and the velocity towards the data: Lumina-Next.</summary>
    public static NetworkConvention TowardsData { get; } = new() { TimeScale = -1e-3, TimeOffset = 1, Negated = true };

    /// <summary>The network's time is the timestep times this, plus <see cref="TimeOffset"/>.</summary>
    public double TimeScale { get; init; } = 1;

    /// <summary>The network's time at timestep 0.</summary>
    public double TimeOffset { get; init; }

    /// <summary>Whether the network's output is the prediction with its sign turned.</summary>
    public bool Negated { get; init; }

    /// <summary>From height and width of a picture in pixels to the row of <see cref="Conditioning.SizeIds"/> that the network takes; null where it takes none.</summary>
    public Func<long, long, float[]>? SizeIds { get; init; }

    /// <summary>The guidance scale that the network is told where the conditioning says none; null where it takes none.</summary>
    public double? Guidance { get; init; }

    /// <summary>Side of the picture over side of the latent.</summary>
    public int PixelsPerLatent { get; init; } = 1;
}
