using TorchSharp.Modules;

namespace Millrace.Training;

/// <summary>What a training run minimizes.</summary>
public interface IObjective
{
    /// <summary>
    /// The networks that are trained, each on a loss of its own, in the order of their updates within a step; the first is the one
    /// that the run is for. One for a regression; generator and critics for adversarial training.
    /// </summary>
    IReadOnlyList<Player> Players { get; }

    /// <summary>Called after the updates of a step; for what changes with the steps otherwise than by gradients.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <returns>Parameters that were given new weights: what the optimizer remembers of them, and their average, begin anew.</returns>
    IReadOnlyList<Parameter> AfterStep(long step) => [];

    /// <summary>Shows what the network can do now, in a file beside the checkpoint; called with the averaged weights in place.</summary>
    /// <param name="folder">Where to write.</param>
    /// <param name="step">Number of the step.</param>
    void Preview(string folder, long step)
    {
    }
}
