namespace Millrace.Processes;

/// <summary>The variance-exploding process of score matching: alpha = 1, sigma geometric in t.</summary>
/// <remarks>Song et al. 2021, arXiv 2011.13456, equation 30: sigma = min (max / min)^(t / (T - 1)).</remarks>
public sealed class VarianceExplodingProcess : IDiffusionProcess
{
    private readonly double _logMin;
    private readonly double _logMax;

    /// <summary>Describes the process.</summary>
    /// <param name="sigmaMin">sigma at t = 0, above 0.</param>
    /// <param name="sigmaMax">sigma at t = T - 1, above <paramref name="sigmaMin"/>.</param>
    /// <param name="trainTimesteps">T, at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public VarianceExplodingProcess(double sigmaMin = 0.01, double sigmaMax = 50, int trainTimesteps = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, 2);
        if (!(sigmaMin > 0 && sigmaMax > sigmaMin && double.IsFinite(sigmaMax)))
        {
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), $"sigma must satisfy 0 < smallest < largest, got {sigmaMin} and {sigmaMax}.");
        }

        (_logMin, _logMax, TrainTimesteps) = (Math.Log(sigmaMin), Math.Log(sigmaMax), trainTimesteps);
    }

    /// <inheritdoc/>
    public int TrainTimesteps { get; }

    /// <inheritdoc/>
    public (double First, double Last) TimeRange => (0, TrainTimesteps - 1);

    /// <inheritdoc/>
    public (double Alpha, double Sigma) Coefficients(double timestep)
    {
        this.CheckTime(timestep);
        return (1, Math.Exp(double.Lerp(_logMin, _logMax, timestep / (TrainTimesteps - 1))));
    }
}
