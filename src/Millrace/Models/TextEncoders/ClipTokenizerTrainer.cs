namespace Millrace.Models.TextEncoders;

/// <summary>Learns the merges of a small <see cref="ClipTokenizer"/> from texts.</summary>
/// <remarks>Sennrich et al. 2016, arXiv 1508.07909, algorithm 1: the most frequent neighbouring pair is merged, again and again; ties go to the pair that sorts first.</remarks>
public static class ClipTokenizerTrainer
{
    private const int FixedTokens = 514; // 256 bytes, 256 bytes at a word's end, start, end

    /// <summary>Learns a tokenizer.</summary>
    /// <param name="texts">What it shall be good at.</param>
    /// <param name="vocabularySize">Largest number of tokens, above 514; smaller where the texts hold no more pairs.</param>
    public static ClipTokenizer Train(IEnumerable<string> texts, int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(vocabularySize, FixedTokens);
        List<(string[] Symbols, int Count)> words = [.. texts.SelectMany(ClipWords.Split)
            .GroupBy(word => word, StringComparer.Ordinal)
            .Select(group => (ClipByteAlphabet.Spell(group.Key), group.Count()))];
        var merges = new List<(string Left, string Right)>();
        while (merges.Count < vocabularySize - FixedTokens)
        {
            var pairs = words
                .SelectMany(word => word.Symbols.Zip(word.Symbols.Skip(1)).Select(pair => (Pair: pair, word.Count)))
                .GroupBy(item => item.Pair)
                .Select(group => (Pair: group.Key, Count: group.Sum(item => item.Count)))
                .ToList();
            if (pairs.Count == 0)
            {
                break;
            }

            int most = pairs.Max(pair => pair.Count);
            (string left, string right) = pairs.Where(pair => pair.Count == most)
                .Select(pair => pair.Pair)
                .OrderBy(pair => pair.First, StringComparer.Ordinal).ThenBy(pair => pair.Second, StringComparer.Ordinal)
                .First();
            merges.Add((left, right));
            words = [.. words.Select(word => (Merge(word.Symbols, left, right), word.Count))];
        }

        return ClipTokenizer.FromMerges(merges);
    }

    private static string[] Merge(string[] symbols, string left, string right)
    {
        if (!symbols.Contains(left))
        {
            return symbols;
        }

        var merged = new List<string>(symbols.Length);
        for (int index = 0; index < symbols.Length; index++)
        {
            bool pair = index + 1 < symbols.Length && symbols[index] == left && symbols[index + 1] == right;
            merged.Add(pair ? left + right : symbols[index]);
            index += pair ? 1 : 0;
        }

        return [.. merged];
    }
}
