using System.Collections.ObjectModel;
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

    /// <summary>Measures what the network can do now; called beside <see cref="Preview"/>, with the averaged weights in place.</summary>
    /// <param name="step">Number of the step.</param>
    /// <returns>Name to figure, for the log and the plot; empty where nothing is measured.</returns>
    IReadOnlyDictionary<string, double> Measure(long step) => ReadOnlyDictionary<string, double>.Empty;
}
