using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.MaskLearning;

/// <summary>From scores of units to a hard mask. Ways of scoring are compared at equal parameters, since heads and channels differ in size.</summary>
public static class UnitRanking
{
    /// <summary>Removes the units with the lowest scores, over all layers together, until a share of the network's parameters is gone. Equal scores go in the order of the network.</summary>
    /// <param name="segments">The network.</param>
    /// <param name="scores">By the name of their layer, a score for each unit.</param>
    /// <param name="share">Parameters to remove over all of the network; in (0, 1).</param>
    /// <param name="mayEmpty">Whether a layer may lose all of its units.</param>
    /// <exception cref="ArgumentException">Where the share is out of range, scores do not fit the network, all units together are less than the share, or a layer would be empty.</exception>
    public static HardMask Lowest(BackboneSegments segments, IReadOnlyDictionary<string, double[]> scores, double share, bool mayEmpty = true)
    {
        if (!(share is > 0 and < 1))
        {
            throw new ArgumentException($"The share of parameters to remove must be in (0, 1), got {share}.", nameof(share));
        }

        SegmentBranch[] branches = [.. scores.Keys.Select(segments.Branch)];
        if (branches.FirstOrDefault(branch => scores[branch.Name].Length != branch.Units) is { } misfit)
        {
            throw new ArgumentException($"'{misfit.Name}' needs {misfit.Units} scores, got {scores[misfit.Name].Length}.", nameof(scores));
        }

        double wanted = share * segments.TotalParameters, all = branches.Sum(branch => (double)branch.Units * branch.ParametersPerUnit);
        if (all < wanted)
        {
            throw new ArgumentException($"All units together are {all / segments.TotalParameters:P1} of the parameters, less than the share of {share:P1} that is to go.", nameof(share));
        }

        Dictionary<string, List<int>> kept = branches.ToDictionary(branch => branch.Name, branch => Enumerable.Range(0, branch.Units).ToList());
        double gone = 0;
        foreach ((SegmentBranch branch, int unit) in branches.SelectMany(branch => Enumerable.Range(0, branch.Units).Select(unit => (branch, unit))).OrderBy(one => scores[one.branch.Name][one.unit]))
        {
            if (gone >= wanted)
            {
                break;
            }

            kept[branch.Name].Remove(unit);
            gone += branch.ParametersPerUnit;
        }

        return HardMask.Of(segments, [], kept.ToDictionary(entry => entry.Key, entry => (IReadOnlyList<int>)entry.Value), mayEmpty: mayEmpty);
    }

    /// <summary>Mean magnitude of the weights that go with each unit: the usual baseline.</summary>
    public static IReadOnlyDictionary<string, double[]> Magnitudes(Module network)
    {
        using IDisposable noGrad = no_grad();
        Dictionary<string, Module> modules = network.named_modules().ToDictionary(part => part.name, part => part.module);
        return BackboneSegments.Of(network).Branches.ToDictionary(branch => branch.Name, branch =>
        {
            using var scope = NewDisposeScope();
            LayerBranch matrices = ((IBranchedLayer)modules[branch.Name]).Branch!;
            Tensor OfUnit(LayerBranch.Part part, int dimension) => ((Linear)modules[$"{branch.Name}.{part.Matrix}"]).Weight
                .narrow(dimension, part.Start, branch.Units * part.Width).unflatten(dimension, branch.Units, part.Width).transpose(0, dimension).abs().flatten(1).sum([1]);
            IEnumerable<Tensor> sums = matrices.Makers.Select(part => OfUnit(part, 0)).Concat(matrices.Readers.Select(part => OfUnit(part, 1)));
            return sums.Aggregate((sum, part) => sum.Plus(part)).Times(1.0 / branch.ParametersPerUnit).to(float64).data<double>().ToArray();
        });
    }
}
