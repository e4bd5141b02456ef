using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>A solver with its steps laid out, and what else sampling needs.</summary>
/// <param name="Solver">The solver.</param>
/// <param name="Constraint">What an estimated clean sample must satisfy; null where nothing.</param>
/// <param name="InitialNoiseScale">What standard normal noise is multiplied by to start from.</param>
public sealed record SamplingPlan(ISolver Solver, SampleConstraint? Constraint, double InitialNoiseScale);
