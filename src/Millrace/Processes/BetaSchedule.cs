namespace Millrace.Processes;

/// <summary>How the per-step noise variances beta_t of a variance-preserving process are laid out.</summary>
public enum BetaSchedule
{
    /// <summary>beta_t linear in t (Ho et al. 2020, arXiv 2006.11239).</summary>
    Linear,

    /// <summary>sqrt(beta_t) linear in t (latent diffusion, arXiv 2112.10752; Stable Diffusion).</summary>
    ScaledLinear,

    /// <summary>abar_t = cos^2(((t / T) + 0.008) / 1.008 * pi / 2), beta_t at most 0.999 (Nichol and Dhariwal 2021, arXiv 2102.09672, equation 17).</summary>
    Cosine,

    /// <summary>abar_t = e^(-12 t / T), beta_t at most 0.999 (Jun and Nichol 2023, arXiv 2305.02463).</summary>
    Exponential,

    /// <summary>beta_t a logistic function of t over [-6, 6] (Xu et al. 2022, arXiv 2203.02923).</summary>
    Sigmoid,
}
