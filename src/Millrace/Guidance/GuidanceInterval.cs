namespace Millrace.Guidance;

/// <summary>The timesteps at which guidance works (Kynkaanniemi et al. 2024, arXiv 2404.07724): it harms at high noise, and is of no use at low.</summary>
/// <param name="First">Smallest timestep.</param>
/// <param name="Last">Largest timestep, at least <paramref name="First"/>.</param>
public sealed record GuidanceInterval(double First, double Last)
{
    /// <summary>Every timestep.</summary>
    public static GuidanceInterval Always { get; } = new(double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>The timesteps of a part of the way from noise (0) to picture (1).</summary>
    /// <param name="start">Where it begins, in [0, 1].</param>
    /// <param name="end">Where it ends, from <paramref name="start"/> to 1.</param>
    /// <param name="trainTimesteps">Timesteps of the process.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where a value is outside its range.</exception>
    public static GuidanceInterval OfWay(double start, double end, int trainTimesteps) => start >= 0 && end >= start && end <= 1
        ? new(trainTimesteps * (1 - end), trainTimesteps * (1 - start))
        : throw new ArgumentOutOfRangeException(nameof(start), $"Guidance must work on a part of the way with 0 <= start <= end <= 1, got {start} and {end}.");

    /// <summary>Whether guidance works at a timestep.</summary>
    public bool Contains(double timestep) => timestep >= First && timestep <= Last;

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where the last is below the first.</exception>
    public GuidanceInterval Validated() => Last >= First
        ? this
        : throw new ArgumentOutOfRangeException(nameof(Last), $"An interval must satisfy First <= Last, got {First} and {Last}.");
}
