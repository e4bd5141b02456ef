namespace Millrace.Processes;

/// <summary>Sigmas for a number of steps, from the noise down, both ends included.</summary>
public static class SigmaGrids
{
    private const double KarrasRho = 7;
    private const double BetaShape = 0.6;

    /// <summary>The sigmas of a spacing other than <see cref="SigmaSpacing.Timesteps"/>, with the parameters of its paper.</summary>
    /// <param name="spacing">How they fall.</param>
    /// <param name="sigmaMin">Smallest, above 0.</param>
    /// <param name="sigmaMax">Largest, at least <paramref name="sigmaMin"/>.</param>
    /// <param name="steps">n, at least 1.</param>
    public static IReadOnlyList<double> Spaced(SigmaSpacing spacing, double sigmaMin, double sigmaMax, int steps) => spacing switch
    {
        SigmaSpacing.Karras => Karras(sigmaMin, sigmaMax, steps),
        SigmaSpacing.Exponential => Exponential(sigmaMin, sigmaMax, steps),
        SigmaSpacing.Beta => Beta(sigmaMin, sigmaMax, steps),
        _ => throw new ArgumentOutOfRangeException(nameof(spacing), $"The spacing must be Karras, Exponential or Beta, got {spacing}."),
    };

    /// <summary>(max^(1/rho) + i / (n - 1) (min^(1/rho) - max^(1/rho)))^rho (Karras et al. 2022, arXiv 2206.00364, equation 5).</summary>
    /// <param name="sigmaMin">Smallest, above 0.</param>
    /// <param name="sigmaMax">Largest, at least <paramref name="sigmaMin"/>.</param>
    /// <param name="steps">n, at least 1.</param>
    /// <param name="rho">Above 0; the larger, the more steps near the data.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public static IReadOnlyList<double> Karras(double sigmaMin, double sigmaMax, int steps, double rho = KarrasRho)
    {
        Check(sigmaMin, sigmaMax, steps);
        if (!(rho > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(rho), $"rho must be above 0, got {rho}.");
        }

        return [.. TimestepGrids.Linear(Math.Pow(sigmaMax, 1 / rho), Math.Pow(sigmaMin, 1 / rho), steps).Select(root => Math.Pow(root, rho))];
    }

    /// <summary>ln sigma linear.</summary>
    /// <inheritdoc cref="Karras" path="/param"/>
    /// <inheritdoc cref="Karras" path="/exception"/>
    public static IReadOnlyList<double> Exponential(double sigmaMin, double sigmaMax, int steps)
    {
        Check(sigmaMin, sigmaMax, steps);
        return [.. TimestepGrids.Linear(Math.Log(sigmaMax), Math.Log(sigmaMin), steps).Select(Math.Exp)];
    }

    /// <summary>min + (max - min) q(1 - i / (n - 1)), q the quantiles of the beta distribution of both shapes 0.6 (Lee et al. 2024, arXiv 2407.12173).</summary>
    /// <inheritdoc cref="Karras" path="/param"/>
    /// <inheritdoc cref="Karras" path="/exception"/>
    public static IReadOnlyList<double> Beta(double sigmaMin, double sigmaMax, int steps)
    {
        Check(sigmaMin, sigmaMax, steps);
        return [.. TimestepGrids.Linear(1, 0, steps).Select(share => double.Lerp(sigmaMin, sigmaMax, BetaDistribution.Quantile(share, BetaShape, BetaShape)))];
    }

    private static void Check(double sigmaMin, double sigmaMax, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(sigmaMin > 0 && sigmaMax >= sigmaMin && double.IsFinite(sigmaMax)))
        {
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), $"sigma must satisfy 0 < smallest <= largest, got {sigmaMin} and {sigmaMax}.");
        }
    }
}
