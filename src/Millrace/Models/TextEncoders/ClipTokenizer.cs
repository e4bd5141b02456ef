using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Millrace.Checkpoints;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// The byte-pair tokenizer of CLIP (Radford et al. 2021, arXiv 2103.00020): text is unescaped, its white space folded, lower-cased,
/// cut into words, and each word merged pair by pair in the order in which the merges were learned. Any text has tokens.
/// </summary>
public sealed partial class ClipTokenizer
{
    private const string StartToken = "<|startoftext|>";
    private const string EndToken = "<|endoftext|>";
    private const string WordEnd = "</w>";

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<(string Left, string Right), int> _ranks;
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);

    /// <summary>Builds a tokenizer.</summary>
    /// <param name="vocabulary">Token to id; must hold the 256 bytes, alone and with the end-of-word mark, every merge, and the start and end tokens.</param>
    /// <param name="merges">Pairs, in the order in which they were learned.</param>
    /// <exception cref="InvalidDataException">Where the vocabulary lacks a token that a merge makes.</exception>
    public ClipTokenizer(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges)
    {
        _ids = new Dictionary<string, int>(vocabulary, StringComparer.Ordinal);
        Merges = [.. merges];
        _ranks = [];
        for (int rank = 0; rank < Merges.Count; rank++)
        {
            _ranks.TryAdd(Merges[rank], rank);
        }

        string? missing = ClipByteAlphabet.Ordered.SelectMany(symbol => new[] { symbol, symbol + WordEnd })
            .Concat(Merges.Select(pair => pair.Left + pair.Right))
            .Concat([StartToken, EndToken])
            .FirstOrDefault(token => !_ids.ContainsKey(token));
        if (missing is not null)
        {
            throw new InvalidDataException($"The vocabulary of the tokenizer lacks '{missing}'.");
        }
    }

    /// <summary>Token to id.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _ids;

    /// <summary>Pairs in the order in which they were learned.</summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; }

    /// <summary>Id that opens every text.</summary>
    public int StartId => _ids[StartToken];

    /// <summary>Id that closes every text.</summary>
    public int EndId => _ids[EndToken];

    /// <summary>The vocabulary that belongs to a list of merges: bytes, bytes at a word's end, merges, start, end.</summary>
    public static ClipTokenizer FromMerges(IReadOnlyList<(string Left, string Right)> merges)
    {
        IEnumerable<string> tokens = ClipByteAlphabet.Ordered
            .Concat(ClipByteAlphabet.Ordered.Select(symbol => symbol + WordEnd))
            .Concat(merges.Select(pair => pair.Left + pair.Right))
            .Concat([StartToken, EndToken]);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string token in tokens)
        {
            ids.TryAdd(token, ids.Count);
        }

        return new ClipTokenizer(ids, merges);
    }

    /// <summary>Reads <c>vocab.json</c> and <c>merges.txt</c> of a folder.</summary>
    /// <exception cref="FileNotFoundException">Where one of them is missing.</exception>
    /// <exception cref="InvalidDataException">Where one of them is not what it should be.</exception>
    public static ClipTokenizer LoadFolder(string folder)
    {
        string path = Path.Combine(folder, "vocab.json");
        try
        {
            Dictionary<string, int> vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(path))
                ?? throw new InvalidDataException($"'{path}' is empty.");
            return new ClipTokenizer(vocabulary, ReadMerges(File.ReadLines(Path.Combine(folder, "merges.txt"))));
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"'{path}' is not a JSON object of token to id ({error.Message}).", error);
        }
    }

    /// <summary>Reads the merges as published with CLIP (<c>bpe_simple_vocab_16e6.txt.gz</c>), of which the first 48,894 count.</summary>
    public static ClipTokenizer LoadPublishedMerges(string path)
    {
        const int PublishedMerges = 49152 - 256 - 2;
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return FromMerges([.. ReadMerges(Lines(reader)).Take(PublishedMerges)]);
    }

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    public void SaveFolder(string folder)
    {
        Directory.CreateDirectory(folder);
        var json = new JsonSerializerOptions { WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        AtomicFile.Write(Path.Combine(folder, "vocab.json"), stream => JsonSerializer.Serialize(stream, _ids, json));
        AtomicFile.Write(Path.Combine(folder, "merges.txt"), stream =>
        {
            using var writer = new StreamWriter(stream) { NewLine = "\n" };
            writer.WriteLine("#version: 0.2");
            foreach ((string left, string right) in Merges)
            {
                writer.WriteLine($"{left} {right}");
            }
        });
    }

    /// <summary>The ids of a text, without start and end.</summary>
    public IReadOnlyList<int> Tokenize(string text) => [.. Words(text).SelectMany(Ids)];

    /// <summary>The words that a text is cut into before they are merged: lower case, white space folded.</summary>
    internal static IEnumerable<string> Words(string text)
    {
        string unescaped = WebUtility.HtmlDecode(WebUtility.HtmlDecode(text));

        // The full lower case of the dotted capital I has two characters, which the invariant mapping lacks.
        string clean = WhiteSpace().Replace(unescaped, " ").Trim().Replace("İ", "i̇", StringComparison.Ordinal).ToLowerInvariant();
        return Word().Matches(clean).Select(match => match.Value);
    }

    private static IEnumerable<(string Left, string Right)> ReadMerges(IEnumerable<string> lines) => lines
        .Where((line, index) => line.Length > 0 && !(index == 0 && (line.StartsWith("#version", StringComparison.Ordinal) || line.StartsWith('"'))))
        .Select(line => line.Split(' ') is [string left, string right]
            ? (left, right)
            : throw new InvalidDataException($"A line of the tokenizer's merges is not a pair: '{line}'."));

    private static IEnumerable<string> Lines(StreamReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private int[] Ids(string word)
    {
        if (word is StartToken or EndToken)
        {
            return [_ids[word]];
        }

        // Long words are rare and may be hostile: they are not kept.
        return word.Length > 64 ? Merge(word) : _cache.GetOrAdd(word, Merge);
    }

    private int[] Merge(string word)
    {
        List<string> symbols = [.. ClipByteAlphabet.Spell(word).Select(character => character.ToString())];
        symbols[^1] += WordEnd;
        while (true)
        {
            int best = -1, bestRank = int.MaxValue;
            for (int index = 0; index + 1 < symbols.Count; index++)
            {
                if (_ranks.TryGetValue((symbols[index], symbols[index + 1]), out int rank) && rank < bestRank)
                {
                    (best, bestRank) = (index, rank);
                }
            }

            if (best < 0)
            {
                return [.. symbols.Select(symbol => _ids[symbol])];
            }

            (string left, string right) = (symbols[best], symbols[best + 1]);
            var merged = new List<string>(symbols.Count);
            for (int index = 0; index < symbols.Count; index++)
            {
                bool pair = index + 1 < symbols.Count && symbols[index] == left && symbols[index + 1] == right;
                merged.Add(pair ? left + right : symbols[index]);
                index += pair ? 1 : 0;
            }

            symbols = merged;
        }
    }

    [GeneratedRegex(@"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();
}
