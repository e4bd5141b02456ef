namespace Millrace.Models.TextEncoders;

/// <summary>
/// The byte-pair tokenizer of CLIP (Radford et al. 2021, arXiv 2103.00020): text is unescaped, its white space folded, lower-cased,
/// cut into words, and each word merged pair by pair in the order in which the merges were learned. Any text has tokens.
/// </summary>
public sealed partial class ClipTokenizer
{
    private readonly Dictionary<string, int> _ids;
    private readonly BytePairMerger _merger;

    /// <summary>Builds a tokenizer.</summary>
    /// <param name="vocabulary">Token to id; must hold the 256 bytes, alone and with the end-of-word mark, every merge, and the start and end tokens.</param>
    /// <param name="merges">Pairs, in the order in which they were learned.</param>
    /// <param name="padding">Token that fills the positions after the end; null means the end token, as in Stable Diffusion 1.x.</param>
    /// <exception cref="InvalidDataException">Where the vocabulary lacks a token, or holds an id below 0.</exception>
    public ClipTokenizer(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges, string? padding = null)
    {
        _ids = new Dictionary<string, int>(vocabulary, StringComparer.Ordinal);
        Merges = [.. merges];
        _merger = new BytePairMerger(Merges.Select(pair => (IdOf(pair.Left), IdOf(pair.Right), IdOf(pair.Left + pair.Right))));
        (StartId, EndId, PadId) = (IdOf(ClipWords.Start), IdOf(ClipWords.End), IdOf(padding ?? ClipWords.End));
        foreach (string token in ClipByteAlphabet.Tokens)
        {
            _ = IdOf(token);
        }

        if (_ids.FirstOrDefault(entry => entry.Value < 0) is { Key: { } negative })
        {
            throw new InvalidDataException($"The vocabulary of the tokenizer gives '{negative}' the id {_ids[negative]}, but must give one of at least 0.");
        }

        LargestId = _ids.Values.Max();
    }

    /// <summary>Token to id.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _ids;

    /// <summary>Pairs in the order in which they were learned.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    /// <summary>Id that opens every text.</summary>
    public int StartId { get; }

    /// <summary>Id that closes every text.</summary>
    public int EndId { get; }

    /// <summary>Id that fills the positions after the end.</summary>
    public int PadId { get; }

    /// <summary>The largest id of the vocabulary.</summary>
    public int LargestId { get; }

    /// <summary>The tokenizer whose vocabulary is that of a list of merges: bytes, bytes at a word's end, merges, start, end.</summary>
    public static ClipTokenizer FromMerges(IReadOnlyList<(string Left, string Right)> merges)
    {
        IEnumerable<string> tokens = ClipByteAlphabet.Tokens
            .Concat(merges.Select(pair => pair.Left + pair.Right))
            .Concat([ClipWords.Start, ClipWords.End]);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string token in tokens)
        {
            ids.TryAdd(token, ids.Count);
        }

        return new ClipTokenizer(ids, merges);
    }

    /// <summary>The ids of a text, without start and end.</summary>
    public IReadOnlyList<int> Tokenize(string text) => [.. ClipWords.Split(text).SelectMany(word => word switch
    {
        ClipWords.Start => [StartId],
        ClipWords.End => [EndId],
        _ => _merger.Merge([.. ClipByteAlphabet.Spell(word).Select(symbol => _ids[symbol])]),
    })];

    private int IdOf(string token) =>
        _ids.TryGetValue(token, out int id) ? id : throw new InvalidDataException($"The vocabulary of the tokenizer lacks '{token}'.");
}
