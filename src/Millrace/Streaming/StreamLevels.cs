using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Streaming;

/// <summary>The noise levels that a frame walks through, and the steps between them. Immutable; a frame keeps the levels under which it entered.</summary>
internal sealed class StreamLevels
{
    private readonly StreamStep[] _steps;

    /// <param name="process">The process that the network was trained on.</param>
    /// <param name="options">Which levels, and which solver.</param>
    public StreamLevels(IDiffusionProcess process, StreamOptions options)
    {
        int[] timesteps = [.. LcmTimesteps.Select(options.Steps, options.InferenceSteps, process.TrainTimesteps)];
        NoiseLevel[] levels = [.. timesteps.Select(timestep => LevelAt(process, timestep))];

        // The boundary functions of consistency models belong to them alone; a flow's velocity needs none.
        Levels = process is not FlowProcess && options.Solver == StreamSolver.Lcm
            ? [.. timesteps.Select(timestep => ConsistencyLevel.At(process, timestep))]
            : [.. levels.Select(ConsistencyLevel.At)];
        _steps = [.. Enumerable.Range(0, levels.Length - 1).Select(index =>
            StreamStep.Between(options.Solver, process, index > 0 ? levels[index - 1] : null, levels[index], levels[index + 1]))];
    }

    public IReadOnlyList<ConsistencyLevel> Levels { get; }

    public int Count => Levels.Count;

    /// <summary>The step that follows a level; nothing follows the last.</summary>
    public StreamStep StepFrom(int level) => level < _steps.Length ? _steps[level] : default;

    public bool IsSame(StreamLevels other) => Levels.SequenceEqual(other.Levels) && _steps.SequenceEqual(other._steps);

    /// <summary>A flow's grid ends at pure noise, T, and its network is told sigma T.</summary>
    private static NoiseLevel LevelAt(IDiffusionProcess process, int timestep) => process is FlowProcess flow
        ? SigmaPath.Of(flow).At(flow.Coefficients(timestep + 1).Sigma)
        : process.LevelAt(timestep);
}
