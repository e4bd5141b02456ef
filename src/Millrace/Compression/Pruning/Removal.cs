using Millrace.Models;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Pruning;

/// <summary>Takes what a mask names out of a network: what is left computes what the masked network does, in less.</summary>
public static class Removal
{
    /// <summary>A smaller network. It saves and loads like any other: what its configuration cannot say stands in its <see cref="StructureChanges"/>.</summary>
    /// <typeparam name="T">A U-Net, DiT or PixArt.</typeparam>
    /// <param name="network">Stays as it is.</param>
    /// <param name="mask">What goes.</param>
    /// <returns>A network with weights of its own; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a network of this kind cannot be built without parts.</exception>
    public static T Apply<T>(T network, HardMask mask)
        where T : Module
    {
        var built = network as IRestructuredNetwork
            ?? throw new ArgumentException($"Parts are removed from U-Nets, DiT and PixArt; a {network.GetName()} can be masked only.", nameof(network));
        StructureChanges changes = Join(built.Changes, mask);
        Dictionary<string, Tensor> from = network.state_dict();
        Tensor any = from.Values.First();
        var smaller = (T)built.With(changes, new TensorOptions(any.dtype, any.device));
        Dictionary<string, (int Dimension, long[] Indices)> slices = Slices(network, mask);
        using IDisposable noGrad = no_grad();
        foreach ((string name, Tensor target) in smaller.state_dict())
        {
            using var scope = NewDisposeScope();
            target.copy_(slices.TryGetValue(name, out (int Dimension, long[] Indices) slice)
                ? from[name].index_select(slice.Dimension, tensor(slice.Indices, device: any.device))
                : from[name]);
        }

        return smaller;
    }

    /// <summary>From the name of a weight to the rows (0) or columns (1) of it that stay.</summary>
    private static Dictionary<string, (int Dimension, long[] Indices)> Slices(Module network, HardMask mask)
    {
        var slices = new Dictionary<string, (int, long[])>();
        Dictionary<string, Module> modules = network.named_modules().ToDictionary(part => part.name, part => part.module);
        foreach ((string name, IReadOnlyList<int> units) in mask.KeptUnits)
        {
            LayerBranch matrices = ((IBranchedLayer)modules[name]).Branch!;
            foreach (IGrouping<string, LayerBranch.Part> makers in matrices.Makers.GroupBy(maker => maker.Matrix))
            {
                long[] rows = [.. makers.SelectMany(maker => maker.Of(units))];
                slices.Add($"{name}.{makers.Key}.weight", (0, rows));
                slices.Add($"{name}.{makers.Key}.bias", (0, rows));
            }

            slices.Add($"{name}.{GlobalRegionalAttention.Part}.gate", (0, [.. units.Select(unit => (long)unit)]));
            foreach (LayerBranch.Part reader in matrices.Readers)
            {
                slices.Add($"{name}.{reader.Matrix}.weight", (1, [.. reader.Of(units)]));
            }
        }

        return slices;
    }

    private static StructureChanges Join(StructureChanges before, HardMask mask)
    {
        bool Goes(string name) => mask.RemovedLayers.Any(layer => name == layer || name.StartsWith(layer + ".", StringComparison.Ordinal));
        var kept = before.Kept.Where(entry => !Goes(entry.Key) && !mask.KeptUnits.ContainsKey(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value);
        foreach ((string name, IReadOnlyList<int> units) in mask.KeptUnits)
        {
            kept.Add(name, units.Count);
        }

        return before with
        {
            Removed = [.. before.Removed.Where(name => !Goes(name)), .. mask.RemovedLayers],
            Kept = kept,
            Experts = before.Experts.Where(entry => !Goes(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value),
            Regions = before.Regions.Where(entry => !Goes(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value),
        };
    }
}
