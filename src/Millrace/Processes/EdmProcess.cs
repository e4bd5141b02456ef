namespace Millrace.Processes;

/// <summary>The variance-exploding process of EDM: alpha = 1, and sigma itself is the time.</summary>
/// <remarks>
/// Karras et al. 2022, arXiv 2206.00364, table 1: c_in = 1 / sqrt(sigma^2 + d^2) and c_noise = ln(sigma) / 4, d the standard
/// deviation of the data; c_skip and c_out follow from <see cref="PredictionType.Edm"/>.
/// </remarks>
public sealed class EdmProcess : IDiffusionProcess
{
    /// <summary>Describes the process.</summary>
    /// <param name="sigmaMin">Smallest sigma, above 0.</param>
    /// <param name="sigmaMax">Largest sigma, above <paramref name="sigmaMin"/>.</param>
    /// <param name="sigmaData">d, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public EdmProcess(double sigmaMin = 0.002, double sigmaMax = 80, double sigmaData = 0.5)
    {
        if (!(sigmaMin > 0 && sigmaMax > sigmaMin && double.IsFinite(sigmaMax)))
        {
            throw new ArgumentOutOfRangeException(nameof(sigmaMin), $"sigma must satisfy 0 < smallest < largest, got {sigmaMin} and {sigmaMax}.");
        }

        if (!(sigmaData > 0 && double.IsFinite(sigmaData)))
        {
            throw new ArgumentOutOfRangeException(nameof(sigmaData), $"The standard deviation of the data must be above 0, got {sigmaData}.");
        }

        (SigmaMin, SigmaMax, SigmaData) = (sigmaMin, sigmaMax, sigmaData);
    }

    /// <summary>Smallest sigma.</summary>
    public double SigmaMin { get; }

    /// <summary>Largest sigma.</summary>
    public double SigmaMax { get; }

    /// <summary>Standard deviation of the data.</summary>
    public double SigmaData { get; }

    /// <inheritdoc/>
    /// <remarks>EDM trains on continuous sigma; this is how finely others cut it.</remarks>
    public int TrainTimesteps => 1000;

    /// <inheritdoc/>
    public (double First, double Last) TimeRange => (SigmaMin, SigmaMax);

    /// <inheritdoc/>
    public (double Alpha, double Sigma) Coefficients(double timestep)
    {
        this.CheckTime(timestep);
        return (1, timestep);
    }

    /// <summary>The level of a sigma, with the network's time and input scale.</summary>
    internal NoiseLevel At(double sigma) =>
        new(Math.Log(sigma) / 4, 1, sigma, 1 / Math.Sqrt((sigma * sigma) + (SigmaData * SigmaData)), SigmaData);
}
