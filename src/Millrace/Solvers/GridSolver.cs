using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>A solver whose evaluations of the network are laid out beforehand.</summary>
public abstract class GridSolver : ISolver
{
    private readonly NoiseLevel[] _levels;

    /// <summary>Lays out the evaluations.</summary>
    /// <param name="levels">The level of each evaluation; at least one.</param>
    /// <exception cref="ArgumentException">Where there is none.</exception>
    protected GridSolver(IEnumerable<NoiseLevel> levels)
    {
        _levels = [.. levels];
        if (_levels.Length == 0)
        {
            throw new ArgumentException("A solver needs at least one level and the end, got none.", nameof(levels));
        }
    }

    /// <summary>The level of each evaluation, in their order.</summary>
    public IReadOnlyList<NoiseLevel> Levels => _levels;

    /// <summary>What the network is told as the time at each evaluation.</summary>
    public IReadOnlyList<double> Timesteps => [.. _levels.Select(level => level.Timestep)];

    /// <inheritdoc/>
    public NoiseLevel First => _levels[0];

    /// <inheritdoc/>
    public int? Evaluations => _levels.Length;

    /// <inheritdoc/>
    public SolverState Start(Tensor x) => new(0, x.alias(), []);

    /// <inheritdoc/>
    public NoiseLevel? Next(SolverState state) => state.Position < _levels.Length ? _levels[state.Position] : null;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Where the sample is finished.</exception>
    public SolverState Step(SolverState state, Estimate estimate, NoiseSource noise)
    {
        if (state.Position >= _levels.Length)
        {
            throw new InvalidOperationException($"The sample is finished after {_levels.Length} evaluations; there is no step after it.");
        }

        using var scope = NewDisposeScope();
        (Tensor x, IEnumerable<Tensor> memory) = Advance(state, estimate, noise);
        return SolverState.Owning(state.Position + 1, x, memory);
    }

    /// <summary>One step, within a dispose scope; what it returns may be tensors of the state or of the estimate.</summary>
    private protected abstract (Tensor X, IEnumerable<Tensor> Memory) Advance(SolverState state, Estimate estimate, NoiseSource noise);
}
