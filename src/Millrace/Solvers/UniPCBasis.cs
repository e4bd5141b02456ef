namespace Millrace.Solvers;

/// <summary>B(h) of UniPC (Zhao et al. 2023, arXiv 2302.04867, section 3.2).</summary>
public enum UniPCBasis
{
    /// <summary>B_1: h itself.</summary>
    Linear,

    /// <summary>B_2: e^h - 1.</summary>
    Exponential,
}
