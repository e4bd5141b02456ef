using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Streaming;

/// <summary>The noise levels that a frame walks through, and the noise it meets at each. Immutable; a frame keeps the levels under which it entered.</summary>
internal sealed class StreamLevels
{
    public StreamLevels(IDiffusionProcess process, StreamOptions options) =>
        Levels = [.. LcmTimesteps.Select(options.Steps, options.InferenceSteps, process.TrainTimesteps).Select(timestep => ConsistencyLevel.At(process, timestep))];

    public IReadOnlyList<ConsistencyLevel> Levels { get; }

    public int Count => Levels.Count;
}
