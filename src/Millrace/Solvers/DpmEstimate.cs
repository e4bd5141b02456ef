namespace Millrace.Solvers;

/// <summary>Which of the network's estimates an exponential integrator takes for a polynomial.</summary>
public enum DpmEstimate
{
    /// <summary>The clean sample: DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095).</summary>
    Sample,

    /// <summary>The noise: DPM-Solver (Lu et al. 2022, arXiv 2206.00927).</summary>
    Noise,
}
