namespace Millrace.Evaluation;

/// <summary>Whether two measures put things in the same order.</summary>
public static class RankCorrelation
{
    /// <summary>Spearman's rho: the correlation of the ranks, equal values sharing the mean of theirs; 1 for the same order, -1 for the opposite, 0 where one is constant.</summary>
    /// <remarks>Spearman 1904, doi 10.2307/1412159.</remarks>
    /// <exception cref="ArgumentException">Where the lists differ in length, hold fewer than two values, or hold what is no number.</exception>
    public static double Spearman(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        if (first.Count != second.Count || first.Count < 2 || first.Concat(second).Any(double.IsNaN))
        {
            throw new ArgumentException($"Two lists of numbers of the same length, at least two, are needed, got {first.Count} and {second.Count}.", nameof(second));
        }

        double[] a = Ranks(first), b = Ranks(second);
        double mean = (first.Count - 1) / 2.0, product = 0, squareA = 0, squareB = 0;
        for (int index = 0; index < a.Length; index++)
        {
            product += (a[index] - mean) * (b[index] - mean);
            squareA += (a[index] - mean) * (a[index] - mean);
            squareB += (b[index] - mean) * (b[index] - mean);
        }

        return squareA > 0 && squareB > 0 ? product / Math.Sqrt(squareA * squareB) : 0;
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(index => values[index])];
        var ranks = new double[values.Count];
        for (int start = 0, end; start < order.Length; start = end)
        {
            end = start;
            while (end < order.Length && values[order[end]].Equals(values[order[start]]))
            {
                end++;
            }

            for (int position = start; position < end; position++)
            {
                ranks[order[position]] = (start + end - 1) / 2.0;
            }
        }

        return ranks;
    }
}
