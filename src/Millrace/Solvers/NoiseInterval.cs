using Millrace.Processes;

namespace Millrace.Solvers;

/// <summary>What one step covers: the network is asked at <paramref name="From"/>, and x arrives at <paramref name="To"/>.</summary>
/// <param name="From">Where the step starts.</param>
/// <param name="To">Where it ends. Not always where the next one starts: some references leave such gaps, and restarts add noise in them.</param>
public readonly record struct NoiseInterval(NoiseLevel From, NoiseLevel To)
{
    /// <summary>Whether it ends at sigma 0 or is of no width, so that widths measured in it mean nothing.</summary>
    internal bool IsOfFirstOrder => To.Sigma == 0 || To.LogSnr == From.LogSnr;

    /// <summary>The intervals between neighbours.</summary>
    /// <param name="levels">From the first level to the end, at least two.</param>
    /// <exception cref="ArgumentException">Where there are fewer.</exception>
    public static IReadOnlyList<NoiseInterval> Between(IReadOnlyList<NoiseLevel> levels) => levels.Count >= 2
        ? [.. levels.Zip(levels.Skip(1), (from, to) => new NoiseInterval(from, to))]
        : throw new ArgumentException($"Levels must be at least two, a first and an end, got {levels.Count}.", nameof(levels));
}
