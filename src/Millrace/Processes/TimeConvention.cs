namespace Millrace.Processes;

/// <summary>How a network was told the time in training.</summary>
public enum TimeConvention
{
    /// <summary>The training timestep t, 0..T, growing with the noise.</summary>
    Timestep,

    /// <summary>t / T, in 0..1, growing with the noise.</summary>
    Continuous,

    /// <summary>1 - t / T: 0 is noise and 1 is data.</summary>
    Reversed,

    /// <summary>ln(sigma / alpha) / 4, the c_noise of EDM (Karras et al. 2022, arXiv 2206.00364, table 1).</summary>
    LogSigma,
}
