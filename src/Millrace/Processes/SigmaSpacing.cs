namespace Millrace.Processes;

/// <summary>How sigma falls over a number of steps.</summary>
public enum SigmaSpacing
{
    /// <summary>As the timesteps have it.</summary>
    Timesteps,

    /// <summary>sigma^(1/rho) linear (Karras et al. 2022, arXiv 2206.00364, equation 5).</summary>
    Karras,

    /// <summary>ln sigma linear, which is uniform in the log-SNR (Lu et al. 2022, arXiv 2206.00927, section 3.4).</summary>
    Exponential,

    /// <summary>Quantiles of the beta distribution (Lee et al. 2024, arXiv 2407.12173).</summary>
    Beta,
}
