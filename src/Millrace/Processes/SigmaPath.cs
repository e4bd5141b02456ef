namespace Millrace.Processes;

/// <summary>
/// The noise levels of a process as a function of sigma, in coordinates where alpha is linear in sigma, so that the
/// probability-flow equation reads dx / dsigma = e + AlphaSlope x_0.
/// </summary>
/// <remarks>Karras et al. 2022, arXiv 2206.00364, equation 4 with s(t) = 1; for flows Lipman et al. 2022, arXiv 2210.02747.</remarks>
public sealed class SigmaPath
{
    private readonly Func<double, NoiseLevel> _at;

    private SigmaPath(double alphaSlope, Func<double, NoiseLevel> at) => (AlphaSlope, _at) = (alphaSlope, at);

    /// <summary>d alpha / d sigma: 0 in variance-exploding coordinates, -1 for flows.</summary>
    public double AlphaSlope { get; }

    /// <summary>A variance-preserving network in variance-exploding coordinates: x / alpha, with sigma / alpha for sigma.</summary>
    public static SigmaPath Of(VariancePreservingProcess process) =>
        new(0, sigma => new NoiseLevel(process.TimestepOf(sigma), 1, sigma, 1 / Math.Sqrt(1 + (sigma * sigma))));

    /// <summary>A flow, alpha = 1 - sigma; the network's time is sigma T.</summary>
    public static SigmaPath Of(FlowProcess process) =>
        new(-1, sigma => new NoiseLevel(sigma * process.TrainTimesteps, 1 - sigma, sigma));

    /// <summary>An EDM network: alpha = 1, input scaled to unit variance, time ln(sigma) / 4.</summary>
    public static SigmaPath Of(EdmProcess process) => new(0, process.At);

    /// <summary>The level of a sigma; its timestep means nothing where sigma is 0.</summary>
    /// <param name="sigma">At least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where sigma is negative or not a number.</exception>
    public NoiseLevel At(double sigma) =>
        sigma >= 0 ? _at(sigma) : throw new ArgumentOutOfRangeException(nameof(sigma), $"sigma must be at least 0, got {sigma}.");
}
