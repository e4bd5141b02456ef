namespace Millrace.Checkpoints.Schedulers;

/// <summary>The solvers that a model can be sampled with, whatever scheduler it came with.</summary>
public enum SolverKind
{
    /// <summary>DDIM, deterministic (arXiv 2010.02502).</summary>
    Ddim,

    /// <summary>Ancestral sampling of DDPM (arXiv 2006.11239).</summary>
    Ddpm,

    /// <summary>Pseudo linear multistep with a Runge-Kutta start (arXiv 2202.09778).</summary>
    Pndm,

    /// <summary>Pseudo linear multistep alone (arXiv 2202.09778).</summary>
    Plms,

    /// <summary>Linear multistep in sigma.</summary>
    Lms,

    /// <summary>Euler's method in sigma; for flows too.</summary>
    Euler,

    /// <summary>Euler's method with fresh noise after every step.</summary>
    EulerAncestral,

    /// <summary>Heun's method in sigma (arXiv 2206.00364); for flows too.</summary>
    Heun,

    /// <summary>The midpoint method in ln sigma (arXiv 2206.00364).</summary>
    Dpm2,

    /// <summary>The same with fresh noise after every step.</summary>
    Dpm2Ancestral,

    /// <summary>DPM-Solver++, two-step (arXiv 2211.01095).</summary>
    DpmPlusPlus2M,

    /// <summary>DPM-Solver++, three-step.</summary>
    DpmPlusPlus3M,

    /// <summary>DPM-Solver++, two-step, with fresh noise.</summary>
    DpmPlusPlus2MStochastic,

    /// <summary>DPM-Solver++, three-step, with fresh noise.</summary>
    DpmPlusPlus3MStochastic,

    /// <summary>DPM-Solver++, single-step.</summary>
    DpmPlusPlus2S,

    /// <summary>DPM-Solver++, single-step, with fresh noise.</summary>
    DpmPlusPlusStochastic,

    /// <summary>DEIS (arXiv 2204.13902).</summary>
    Deis,

    /// <summary>UniPC (arXiv 2302.04867).</summary>
    UniPC,

    /// <summary>Consistency sampling, for networks distilled to it (arXiv 2310.04378).</summary>
    Lcm,

    /// <summary>Trajectory consistency sampling, for networks distilled to it (arXiv 2402.19159).</summary>
    Tcd,

    /// <summary>Heun with a stretch of sigmas gone through again (arXiv 2306.14878).</summary>
    Restart,

    /// <summary>Adaptive Runge-Kutta of orders 5 and 4: as many evaluations as the tolerance asks for, whatever the number of steps.</summary>
    RungeKutta45,
}
