namespace Millrace.Models.TextEncoders;

/// <summary>
/// Merges the symbols of a word pair by pair in the order in which the merges were learned (Sennrich et al. 2016, arXiv 1508.07909).
/// The work grows with n log n, so that a hostile word of many thousand letters costs no more than an ordinary text.
/// </summary>
internal sealed class BytePairMerger
{
    private readonly Dictionary<(int Left, int Right), (int Rank, int Product)> _merges = [];

    /// <param name="merges">Ids of left, right and what they make, in the order in which they were learned.</param>
    public BytePairMerger(IEnumerable<(int Left, int Right, int Product)> merges)
    {
        foreach ((int left, int right, int product) in merges)
        {
            _merges.TryAdd((left, right), (_merges.Count, product));
        }
    }

    /// <summary>Merges until no pair is left that was learned.</summary>
    public IEnumerable<int> Merge(int[] symbols)
    {
        const int Gone = -1;
        int count = symbols.Length;
        int[] next = [.. Enumerable.Range(1, count)], previous = [.. Enumerable.Range(-1, count)];
        var waiting = new PriorityQueue<int, (int Rank, int Position)>();
        var merged = new List<int>();

        (int Rank, int Product)? PairAt(int position) =>
            position >= 0 && symbols[position] != Gone && next[position] < count && _merges.TryGetValue((symbols[position], symbols[next[position]]), out var merge)
                ? merge
                : null;

        void Await(int position)
        {
            if (PairAt(position) is { } merge)
            {
                waiting.Enqueue(position, (merge.Rank, position));
            }
        }

        for (int position = 0; position < count; position++)
        {
            Await(position);
        }

        while (waiting.TryPeek(out _, out (int Rank, int Position) first))
        {
            // All pairs of one kind are merged, from the left, before the pairs that they give rise to count.
            while (waiting.TryPeek(out int position, out (int Rank, int Position) entry) && entry.Rank == first.Rank)
            {
                _ = waiting.Dequeue();
                if (PairAt(position) is { } merge && merge.Rank == first.Rank)
                {
                    int absorbed = next[position];
                    (symbols[position], symbols[absorbed]) = (merge.Product, Gone);
                    next[position] = next[absorbed];
                    if (next[position] < count)
                    {
                        previous[next[position]] = position;
                    }

                    merged.Add(position);
                }
            }

            foreach (int position in merged)
            {
                Await(previous[position]);
                Await(position);
            }

            merged.Clear();
        }

        return symbols.Where(symbol => symbol != Gone);
    }
}
