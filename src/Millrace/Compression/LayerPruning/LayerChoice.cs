namespace Millrace.Compression.LayerPruning;

/// <summary>The set of layers with the least damage in sum whose savings are enough: a knapsack, solved exactly by dynamic programming.</summary>
/// <remarks>Zhang et al. 2024, arXiv 2404.11098. State w: the least damage that saves w units or more.</remarks>
public static class LayerChoice
{
    /// <summary>Chooses.</summary>
    /// <param name="damages">What each layer costs in quality; at least 0.</param>
    /// <param name="savings">What each saves: parameters, operations, milliseconds; at least 0.</param>
    /// <param name="atLeast">What must be saved in all; at least 0.</param>
    /// <param name="resolution">Units into which all savings together are divided, each layer's rounded down, so that what is chosen saves enough.</param>
    /// <returns>Indices, ascending.</returns>
    /// <exception cref="ArgumentException">Where there are no layers, the lists differ in length, a number is out of range, or all layers together do not save enough; says how much they do.</exception>
    public static IReadOnlyList<int> Least(IReadOnlyList<double> damages, IReadOnlyList<double> savings, double atLeast, int resolution = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resolution, 1);
        int count = damages.Count;
        if (count == 0 || savings.Count != count || damages.Concat(savings).Append(atLeast).Any(number => !(number >= 0 && double.IsFinite(number))))
        {
            throw new ArgumentException($"Every layer must have a damage and a saving of at least 0, got {count} damages and {savings.Count} savings, and {atLeast} to save.", nameof(damages));
        }

        double total = savings.Sum(), unit = total > resolution || savings.Any(saving => saving != Math.Floor(saving)) ? total / resolution : 1;
        int[] weights = [.. savings.Select(saving => (int)Math.Floor(saving / unit * (1 + 1e-12)))];
        int wanted = (int)Math.Ceiling(atLeast / unit * (1 - 1e-12));
        if (weights.Sum() < wanted)
        {
            throw new ArgumentException($"All {count} layers together save {total:G6}, which is not the {atLeast:G6} that is asked for{(total >= atLeast ? " in whole units of the resolution" : "")}.", nameof(atLeast));
        }

        double[] least = [0, .. Enumerable.Repeat(double.PositiveInfinity, wanted)];
        var taken = new bool[count, wanted + 1];
        for (int layer = 0; layer < count; layer++)
        {
            // From above, so that a layer is taken once.
            for (int saved = wanted; saved > 0; saved--)
            {
                double with = least[Math.Max(0, saved - weights[layer])] + damages[layer];
                if (weights[layer] > 0 && with < least[saved])
                {
                    (least[saved], taken[layer, saved]) = (with, true);
                }
            }
        }

        var chosen = new List<int>();
        for (int layer = count - 1, saved = wanted; layer >= 0; layer--)
        {
            if (taken[layer, saved])
            {
                chosen.Add(layer);
                saved = Math.Max(0, saved - weights[layer]);
            }
        }

        chosen.Reverse();
        return chosen;
    }
}
