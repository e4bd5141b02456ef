using Millrace.Compression.LayerPruning;
using Millrace.Compression.Segments;

namespace Millrace.Compression.Redundancy;

/// <summary>What a layer takes, and what it gives.</summary>
/// <param name="Damage">What the prediction loses without it.</param>
/// <param name="Milliseconds">Time of the layer in a call.</param>
/// <param name="TimeShare">Its share of the time of all layers.</param>
/// <param name="ParameterShare">Its share of the network's parameters.</param>
public sealed record LayerRedundancy(LayerDamage Damage, double Milliseconds, double TimeShare, double ParameterShare)
{
    /// <summary>What a saved millisecond costs: the order in which layers go.</summary>
    public double DamagePerMillisecond => Damage.Value / Milliseconds;

    /// <summary>Layers in the order in which they should go, the most redundant first.</summary>
    /// <param name="segments">The network.</param>
    /// <param name="damages">Of layers of the network.</param>
    /// <param name="milliseconds">Time of each, above 0, by name; measured with the batch that counts.</param>
    /// <exception cref="ArgumentException">Where a layer has no time above 0; names it.</exception>
    public static IReadOnlyList<LayerRedundancy> Rank(BackboneSegments segments, IReadOnlyList<LayerDamage> damages, IReadOnlyDictionary<string, double> milliseconds)
    {
        if (damages.FirstOrDefault(damage => !(milliseconds.GetValueOrDefault(damage.Layer.Name) > 0)) is { } untimed)
        {
            throw new ArgumentException($"'{untimed.Layer.Name}' has no time above 0.", nameof(milliseconds));
        }

        double all = milliseconds.Values.Sum();
        return [.. damages
            .Select(damage => (damage, time: milliseconds[damage.Layer.Name]))
            .Select(layer => new LayerRedundancy(layer.damage, layer.time, layer.time / all, (double)layer.damage.Layer.Parameters / segments.TotalParameters))
            .OrderBy(layer => layer.DamagePerMillisecond)];
    }

    /// <summary>The most redundant layers that together take a share of the time.</summary>
    /// <param name="ranked">From <see cref="Rank"/>.</param>
    /// <param name="timeShare">In (0, 1).</param>
    /// <exception cref="ArgumentException">Where the share is out of range, or all layers together take less.</exception>
    public static IReadOnlyList<string> Until(IReadOnlyList<LayerRedundancy> ranked, double timeShare)
    {
        double all = ranked.Sum(layer => layer.TimeShare);
        if (!(timeShare is > 0 and < 1) || all < timeShare)
        {
            throw new ArgumentException($"The share of time to remove must be above 0 and at most {all:G4}, what all layers that can go take, got {timeShare}.", nameof(timeShare));
        }

        var names = new List<string>();
        for (double gone = 0; gone < timeShare; gone += ranked[names.Count - 1].TimeShare)
        {
            names.Add(ranked[names.Count].Damage.Layer.Name);
        }

        return names;
    }
}
