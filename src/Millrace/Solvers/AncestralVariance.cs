namespace Millrace.Solvers;

/// <summary>Variance of the noise that ancestral sampling adds (Ho et al. 2020, arXiv 2006.11239, section 3.2).</summary>
public enum AncestralVariance
{
    /// <summary>Of the posterior given x_0: right for data that is one point; the lower bound.</summary>
    Posterior,

    /// <summary>Of the forward process: right for data that is standard normal; the upper bound.</summary>
    Forward,
}
