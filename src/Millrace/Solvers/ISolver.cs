using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// Integrates the reverse path one evaluation of the network at a time; knows nothing of networks or guidance. Immutable: where a
/// sample stands is in its <see cref="SolverState"/>, so one instance serves any number of streams at once.
/// </summary>
public interface ISolver
{
    /// <summary>The level at which a sample starts.</summary>
    NoiseLevel First { get; }

    /// <summary>How often the network is evaluated; null where the solver finds out on the way.</summary>
    int? Evaluations { get; }

    /// <summary>The state of a sample at the first level.</summary>
    /// <param name="x">x at <see cref="First"/>, [B, C, H, W]; not owned.</param>
    /// <returns>The caller's to dispose.</returns>
    SolverState Start(Tensor x);

    /// <summary>Where the network is to be evaluated on <see cref="SolverState.X"/>; null where the sample is finished.</summary>
    NoiseLevel? Next(SolverState state);

    /// <summary>The state after an evaluation of the network.</summary>
    /// <param name="state">A state that is not finished; stays as it is.</param>
    /// <param name="estimate">What the network said at <see cref="Next"/>; not owned.</param>
    /// <param name="noise">Where fresh noise comes from; asked only by solvers that add noise.</param>
    /// <returns>The caller's to dispose.</returns>
    SolverState Step(SolverState state, Estimate estimate, NoiseSource noise);
}
