using Millrace.Compression.Segments;
using static TorchSharp.torch;

namespace Millrace.Compression.Pruning;

/// <summary>What is to go from a network: residual layers, and units of those that stay. Checked against the network when it is made.</summary>
public sealed record HardMask
{
    private HardMask(IReadOnlyList<string> layers, IReadOnlyDictionary<string, IReadOnlyList<int>> kept) => (RemovedLayers, KeptUnits) = (layers, kept);

    /// <summary>Names of the residual layers that go, none of them a part of another.</summary>
    public IReadOnlyList<string> RemovedLayers { get; }

    /// <summary>Indices of the units that stay, ascending, for every layer that loses some.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> KeptUnits { get; }

    /// <summary>A mask.</summary>
    /// <param name="segments">The network.</param>
    /// <param name="removedLayers">Residual layers that go.</param>
    /// <param name="keptUnits">Units that stay, for layers that lose some; null for all.</param>
    /// <param name="keepShortcuts">Whether layers that change the shape may go too, all but the convolution that fits their input to the sum.</param>
    /// <param name="mayEmpty">Whether a layer may lose all of its units; a constant is left of it then.</param>
    /// <exception cref="ArgumentException">Where the network has no such layer or unit, a layer would be empty, or a shape would not fit; one sentence that names it.</exception>
    public static HardMask Of(
        BackboneSegments segments, IEnumerable<string> removedLayers, IReadOnlyDictionary<string, IReadOnlyList<int>>? keptUnits = null,
        bool keepShortcuts = false, bool mayEmpty = false)
    {
        SegmentLayer[] layers = [.. removedLayers.Distinct().Select(segments.Layer)];
        if (!keepShortcuts && layers.FirstOrDefault(layer => !layer.KeepsShape) is { } misfit)
        {
            throw new ArgumentException($"'{misfit.Name}' changes the shape of what passes it: what stands behind it would not fit; let shortcuts be kept, or choose another layer.", nameof(removedLayers));
        }

        bool Goes(string name) => layers.Any(layer => name.StartsWith(layer.Name + ".", StringComparison.Ordinal) || name == layer.Name);
        var kept = new Dictionary<string, IReadOnlyList<int>>();
        foreach ((string name, IReadOnlyList<int> units) in keptUnits ?? new Dictionary<string, IReadOnlyList<int>>())
        {
            SegmentBranch branch = segments.Branch(name);
            int[] ordered = [.. units.Order()];
            if (ordered.Distinct().Count() != ordered.Length || ordered.Any(unit => unit < 0 || unit >= branch.Units))
            {
                throw new ArgumentException($"'{name}' has the units 0 to {branch.Units - 1}, each of which stays once or not at all, got [{string.Join(", ", units)}].", nameof(keptUnits));
            }

            if (ordered.Length == 0 && !mayEmpty)
            {
                throw new ArgumentException($"The mask empties '{name}', all {branch.Units} units of it: keep at least one, remove the layer, or let layers be emptied.", nameof(keptUnits));
            }

            if (ordered.Length < branch.Units && !Goes(name))
            {
                kept.Add(name, ordered);
            }
        }

        return new HardMask([.. layers.Select(layer => layer.Name).Where(name => !layers.Any(other => name.StartsWith(other.Name + ".", StringComparison.Ordinal)))], kept);
    }

    /// <summary>The same as numbers 0 and 1, the referee of removal. The tensors are the caller's to dispose.</summary>
    /// <param name="segments">The network.</param>
    public Gates ToGates(BackboneSegments segments) => new()
    {
        Layers = RemovedLayers.ToDictionary(name => name, _ => zeros(Array.Empty<long>())),
        Units = KeptUnits.ToDictionary(
            kept => kept.Key, kept => tensor([.. Enumerable.Range(0, segments.Branch(kept.Key).Units).Select(unit => kept.Value.Contains(unit) ? 1f : 0f)])),
    };
}
