using Millrace.Processes;

namespace Millrace.Solvers;

/// <summary>The constants of one noise level in consistency sampling: x_0 = Out (x - Sigma e) / Alpha + Skip x.</summary>
/// <remarks>
/// Song et al. 2023, arXiv 2303.01469, equation 5, with the boundary functions of latent consistency models (Luo et al. 2023,
/// arXiv 2310.04378): Skip = s^2 / ((k t)^2 + s^2), Out = k t / sqrt((k t)^2 + s^2), s = 0.5, k = 10 as released.
/// </remarks>
/// <param name="Timestep">Training timestep.</param>
/// <param name="Alpha">Scale of the clean sample in x_t.</param>
/// <param name="Sigma">Scale of the noise in x_t.</param>
/// <param name="Skip">Share of x_t in the result.</param>
/// <param name="Out">Share of the network's estimate in the result.</param>
public readonly record struct ConsistencyLevel(double Timestep, double Alpha, double Sigma, double Skip, double Out)
{
    private const double SigmaData = 0.5;
    private const double ReleasedScaling = 10;

    /// <summary>The level of a flow, whose velocity is 0 at the data: x_0 = x - Sigma v with nothing of x beside it.</summary>
    public static ConsistencyLevel At(NoiseLevel level) => new(level.Timestep, level.Alpha, level.Sigma, Skip: 0, Out: 1);

    /// <summary>The level of a timestep.</summary>
    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="timestep">The timestep.</param>
    /// <param name="timestepScaling">k.</param>
    public static ConsistencyLevel At(IDiffusionProcess process, double timestep, double timestepScaling = ReleasedScaling)
    {
        (double alpha, double sigma) = process.Coefficients(timestep);
        double scaled = timestep * timestepScaling, sum = (scaled * scaled) + (SigmaData * SigmaData);
        return new ConsistencyLevel(timestep, alpha, sigma, SigmaData * SigmaData / sum, scaled / Math.Sqrt(sum));
    }
}
