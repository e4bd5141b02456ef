using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Words whose vectors were learned by textual inversion (Gal et al. 2022, arXiv 2208.01618), with ids behind those of a vocabulary. Not to be changed during a call.</summary>
/// <param name="firstId">The first id: the number of tokens of the vocabulary.</param>
internal sealed class LearnedWords(int firstId) : IDisposable
{
    private readonly Dictionary<string, int[]> _ids = new(StringComparer.OrdinalIgnoreCase);
    private Regex? _words;

    /// <summary>Vectors of all ids, [ids, width], float32; null where there are none. Owned by this.</summary>
    public Tensor? Vectors { get; private set; }

    /// <summary>Whether there is a word, whatever its case.</summary>
    public bool Contains(string word) => _ids.ContainsKey(word);

    /// <summary>Adds a word.</summary>
    /// <param name="word">As it stands in prompts, whatever its case; not there yet.</param>
    /// <param name="vectors">One for each of its tokens, [n, width], float32; copied.</param>
    public void Add(string word, Tensor vectors)
    {
        int first = firstId + (int)(Vectors?.shape[0] ?? 0);
        _ids.Add(word, [.. Enumerable.Range(first, (int)vectors.shape[0])]);
        Tensor all = (Vectors is null ? vectors.clone() : cat([Vectors, vectors], 0)).DetachFromDisposeScope();
        Vectors?.Dispose();
        Vectors = all;
        string words = string.Join('|', _ids.Keys.OrderByDescending(known => known.Length).Select(Regex.Escape));
        _words = new Regex($@"(?<![\p{{L}}\p{{N}}])({words})(?![\p{{L}}\p{{N}}])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture);
    }

    /// <summary>The tokens of a text, those of a learned word in one piece.</summary>
    public IEnumerable<IReadOnlyList<int>> Pieces(string text, ClipTokenizer tokenizer)
    {
        IEnumerable<IReadOnlyList<int>> Plain(string part) => tokenizer.Tokenize(part).Select(id => (IReadOnlyList<int>)[id]);
        int start = 0;
        foreach (Match match in _words?.Matches(text) ?? Enumerable.Empty<Match>())
        {
            foreach (IReadOnlyList<int> piece in Plain(text[start..match.Index]).Append(_ids[match.Value]))
            {
                yield return piece;
            }

            start = match.Index + match.Length;
        }

        foreach (IReadOnlyList<int> piece in Plain(text[start..]))
        {
            yield return piece;
        }
    }

    public void Dispose() => Vectors?.Dispose();
}
