using Millrace.Processes;

namespace Millrace.Solvers;

/// <summary>Fresh noise before every step: x is raised from sigma to (1 + gamma) sigma, gamma = min(Amount / steps, sqrt(2) - 1), and comes down from there.</summary>
/// <remarks>Karras et al. 2022, arXiv 2206.00364, algorithm 2.</remarks>
/// <param name="Amount">S_churn, at least 0; 0 is deterministic.</param>
/// <param name="SigmaMin">S_tmin: below it nothing is raised; at least 0.</param>
/// <param name="SigmaMax">S_tmax: above it nothing is raised; at least <paramref name="SigmaMin"/>.</param>
/// <param name="NoiseScale">S_noise: standard deviation of the fresh noise, above 0; a little above 1 makes up for what a network loses in contrast.</param>
public sealed record StochasticChurn(double Amount, double SigmaMin = 0, double SigmaMax = double.PositiveInfinity, double NoiseScale = 1)
{
    private static readonly double Most = Math.Sqrt(2) - 1;

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where they are not.</exception>
    public StochasticChurn Validated() => Amount >= 0 && double.IsFinite(Amount) && SigmaMin >= 0 && SigmaMax >= SigmaMin && NoiseScale > 0 && double.IsFinite(NoiseScale)
        ? this
        : throw new ArgumentOutOfRangeException(
            nameof(Amount), $"A churn must satisfy Amount >= 0, 0 <= SigmaMin <= SigmaMax and NoiseScale > 0, got {Amount}, {SigmaMin}, {SigmaMax} and {NoiseScale}.");

    /// <summary>The steps, each from its raised level.</summary>
    internal IReadOnlyList<NoiseInterval> Raise(SigmaPath path, IReadOnlyList<NoiseLevel> levels)
    {
        double gamma = Math.Min(Amount / (levels.Count - 1), Most);
        NoiseLevel Raised(NoiseLevel level) => gamma > 0 && level.Sigma >= SigmaMin && level.Sigma <= SigmaMax ? path.At((1 + gamma) * level.Sigma) : level;
        return [.. NoiseInterval.Between(levels).Select(step => step with { From = Raised(step.From) })];
    }
}
