namespace Millrace.Solvers;

/// <summary>How an output of the network is combined with others in a pseudo numerical method.</summary>
public enum PndmEvaluationKind
{
    /// <summary>With those of up to three steps before.</summary>
    Multistep,

    /// <summary>The mean with the output before, and the step before once more.</summary>
    Repeated,

    /// <summary>One of four of a Runge-Kutta step.</summary>
    RungeKutta,
}
