using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Models;
using Millrace.Training;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Redundancy;

/// <summary>Removes layers in rounds, the most redundant first: after each the stages that lost some are trained, all others frozen; at last everything together.</summary>
/// <remarks>Reconstructed from the abstract of arXiv 2312.15516 (progressive incubation), which gives no schedule.</remarks>
public static class ProgressiveRemoval
{
    /// <summary>What trains a network in a round.</summary>
    /// <typeparam name="T">Its kind.</typeparam>
    /// <param name="network">What is left.</param>
    /// <param name="trained">The stages that are trained, in one module; null for all, in the last phase.</param>
    /// <param name="round">Number of the round, from 0; for the last phase the number of rounds.</param>
    public delegate void Train<T>(T network, Module? trained, int round);

    /// <summary>Layers in rounds of about the same number.</summary>
    /// <param name="ranked">Layers to remove, the first to go in front.</param>
    /// <param name="rounds">At least 1.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Rounds(IReadOnlyList<string> ranked, int rounds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        return ranked.Count == 0 ? [] : [.. ranked.Chunk((ranked.Count + rounds - 1) / rounds)];
    }

    /// <summary>Runs all rounds and the last phase; without rounds nothing is trained and nothing changes.</summary>
    /// <typeparam name="T">A network that parts can be removed from.</typeparam>
    /// <param name="network">The whole network; stays as it is.</param>
    /// <param name="rounds">Names of the layers that go in each.</param>
    /// <param name="train">Trains what is left.</param>
    /// <param name="keepShortcuts">Whether layers that change the shape may go, all but their shortcut.</param>
    /// <returns>What is left, trained; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a layer is not there, or cannot go.</exception>
    public static T Run<T>(T network, IReadOnlyList<IReadOnlyList<string>> rounds, Train<T> train, bool keepShortcuts = false)
        where T : Module
    {
        T left = Removal.Apply(network, HardMask.Of(BackboneSegments.Of(network), []));
        try
        {
            foreach ((int round, IReadOnlyList<string> layers) in rounds.Index())
            {
                var segments = BackboneSegments.Of(left);
                string[] stages = [.. layers.Select(name => segments.Layer(name).Block).Distinct()];
                T smaller = Removal.Apply(left, HardMask.Of(segments, layers, keepShortcuts: keepShortcuts));
                left.Dispose();
                left = smaller;
                var trained = new NetworkParts(left, stages);
                using var frozen = new FrozenWeights(left, except: trained);
                train(left, trained, round);
            }

            if (rounds.Count > 0)
            {
                train(left, null, rounds.Count);
            }

            return left;
        }
        catch
        {
            left.Dispose();
            throw;
        }
    }
}
