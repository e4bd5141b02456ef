namespace Millrace.Streaming;

/// <summary>How a frame goes from one noise level to the next.</summary>
public enum StreamSolver
{
    /// <summary>To the clean sample and back up with the noise of the next level (arXiv 2310.04378): for models distilled to few steps.</summary>
    Lcm,

    /// <summary>Along the predicted noise (arXiv 2010.02502); on a flow this is Euler's method (arXiv 2209.03003).</summary>
    Ddim,

    /// <summary>DPM-Solver++ 2M (arXiv 2211.01095, algorithm 2): the same with the estimate of the level before.</summary>
    DpmPlusPlus2M,

    /// <summary>Trajectory consistency sampling with gamma 0.3 (arXiv 2402.19159, algorithm 4): for models distilled to it.</summary>
    Tcd,
}
