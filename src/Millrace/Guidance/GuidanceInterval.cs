namespace Millrace.Guidance;

/// <summary>The timesteps at which guidance works (Kynkaanniemi et al. 2024, arXiv 2404.07724): it harms at high noise, and is of no use at low.</summary>
/// <param name="First">Smallest timestep.</param>
/// <param name="Last">Largest timestep, at least <paramref name="First"/>.</param>
public sealed record GuidanceInterval(double First, double Last)
{
    /// <summary>Every timestep.</summary>
    public static GuidanceInterval Always { get; } = new(double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Whether guidance works at a timestep.</summary>
    public bool Contains(double timestep) => timestep >= First && timestep <= Last;

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where the last is below the first.</exception>
    public GuidanceInterval Validated() => Last >= First
        ? this
        : throw new ArgumentOutOfRangeException(nameof(Last), $"An interval must satisfy First <= Last, got {First} and {Last}.");
}
