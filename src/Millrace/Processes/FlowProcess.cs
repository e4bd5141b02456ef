namespace Millrace.Processes;

/// <summary>The straight path of rectified flow, alpha = 1 - sigma, with sigma = t / T, shifted towards noise for large pictures.</summary>
/// <remarks>
/// Liu et al. 2022, arXiv 2209.03003. Shift s of Esser et al. 2024, arXiv 2403.03206, equation 23:
/// sigma = s u / (1 + (s - 1) u) with u = t / T.
/// </remarks>
public sealed class FlowProcess : IDiffusionProcess
{
    /// <summary>Describes the process.</summary>
    /// <param name="shift">s, above 0; 1 changes nothing.</param>
    /// <param name="trainTimesteps">T, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public FlowProcess(double shift = 1, int trainTimesteps = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, 1);
        if (!(shift > 0 && double.IsFinite(shift)))
        {
            throw new ArgumentOutOfRangeException(nameof(shift), $"The shift must be above 0, got {shift}.");
        }

        (Shift, TrainTimesteps) = (shift, trainTimesteps);
    }

    /// <summary>s; 1 changes nothing.</summary>
    public double Shift { get; }

    /// <inheritdoc/>
    public int TrainTimesteps { get; }

    /// <inheritdoc/>
    public (double First, double Last) TimeRange => (0, TrainTimesteps);

    /// <summary>
    /// The shift for a picture of a size: e^mu, mu linear in the number of the transformer's tokens.
    /// </summary>
    /// <remarks>Esser et al. 2024, arXiv 2403.03206, section 5.3.2, in the form that FLUX uses.</remarks>
    /// <param name="tokens">Tokens of the picture, at least 1.</param>
    /// <param name="baseTokens">Tokens at which mu is <paramref name="baseMu"/>.</param>
    /// <param name="maxTokens">Tokens at which mu is <paramref name="maxMu"/>; other than <paramref name="baseTokens"/>.</param>
    /// <param name="baseMu">mu of a small picture.</param>
    /// <param name="maxMu">mu of a large picture.</param>
    public static double ShiftFor(int tokens, int baseTokens = 256, int maxTokens = 4096, double baseMu = 0.5, double maxMu = 1.15)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfEqual(maxTokens, baseTokens);
        return Math.Exp(baseMu + ((maxMu - baseMu) * (tokens - baseTokens) / (maxTokens - baseTokens)));
    }

    /// <summary>s u / (1 + (s - 1) u).</summary>
    /// <param name="sigma">u, in [0, 1].</param>
    public double Shifted(double sigma) => Shift * sigma / (1 + ((Shift - 1) * sigma));

    /// <inheritdoc/>
    public (double Alpha, double Sigma) Coefficients(double timestep)
    {
        this.CheckTime(timestep);
        double sigma = Shifted(timestep / TrainTimesteps);
        return (1 - sigma, sigma);
    }
}
