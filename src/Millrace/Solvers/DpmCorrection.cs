namespace Millrace.Solvers;

/// <summary>How a DPM-Solver weighs the differences between estimates.</summary>
public enum DpmCorrection
{
    /// <summary>Half the weight of the estimate itself for the first difference: the midpoint rule.</summary>
    Midpoint,

    /// <summary>The exact integral of the first difference; in a multistep of order 3, half of that of the second, as the authors' code has it.</summary>
    Heun,

    /// <summary>The exact integral of the polynomial through all estimates. For the noise this is DEIS in log rho (Zhang and Chen 2022, arXiv 2204.13902, equation 15).</summary>
    Polynomial,
}
