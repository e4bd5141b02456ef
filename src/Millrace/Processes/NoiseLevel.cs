namespace Millrace.Processes;

/// <summary>One point of the way from noise to data: x = Alpha x_0 + Sigma e, and how a network is asked there.</summary>
/// <param name="Timestep">Time that the network is given, in its own convention.</param>
/// <param name="Alpha">Scale of the clean sample in x.</param>
/// <param name="Sigma">Scale of the noise in x.</param>
/// <param name="InputScale">What x is multiplied by before the network sees it; 1 where x is already in the network's coordinates.</param>
/// <param name="DataScale">Standard deviation of the data that the network was built for; 1 but for EDM.</param>
public readonly record struct NoiseLevel(double Timestep, double Alpha, double Sigma, double InputScale = 1, double DataScale = 1)
{
    /// <summary>Half the logarithm of the signal-to-noise ratio, lambda = ln(Alpha / Sigma); infinite where there is no noise.</summary>
    public double LogSnr => Math.Log(Alpha) - Math.Log(Sigma);

    /// <summary>Sigma / Alpha: the sigma of variance-exploding coordinates.</summary>
    public double NoiseRatio => Sigma / Alpha;
}
