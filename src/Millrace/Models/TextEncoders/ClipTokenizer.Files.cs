using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Files;

namespace Millrace.Models.TextEncoders;

/// <content>Reading and writing.</content>
public sealed partial class ClipTokenizer
{
    private const string VocabularyFile = "vocab.json";
    private const string MergesFile = "merges.txt";
    private const string ConfigurationFile = "tokenizer_config.json";
    private const string PadToken = "pad_token";

    /// <summary>Reads the <c>vocab.json</c> and <c>merges.txt</c> of a folder, and the padding token from the JSON files beside them.</summary>
    /// <exception cref="FileNotFoundException">Where one of the two is missing.</exception>
    /// <exception cref="InvalidDataException">Where a file is not what it should be; names the file.</exception>
    public static ClipTokenizer LoadFolder(string folder)
    {
        Dictionary<string, int> vocabulary = JsonFile.Read<Dictionary<string, int>>(Path.Combine(folder, VocabularyFile), "one JSON object of token to id");
        string merges = Path.Combine(folder, MergesFile);
        return Load(merges, () => new ClipTokenizer(vocabulary, ReadMerges(File.ReadLines(merges)), ReadPadToken(folder)));
    }

    /// <summary>Reads the merges as published with CLIP (<c>bpe_simple_vocab_16e6.txt.gz</c>), of which the first 48,894 count.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is not what it should be.</exception>
    public static ClipTokenizer LoadPublishedMerges(string path)
    {
        const int PublishedMerges = 49152 - 256 - 2;
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return Load(path, () => FromMerges([.. ReadMerges(Lines(reader)).Take(PublishedMerges)]));
    }

    /// <summary>Writes <c>vocab.json</c>, <c>merges.txt</c> and <c>tokenizer_config.json</c>, as transformers reads them.</summary>
    /// <param name="folder">Where to; made where it is not there.</param>
    /// <param name="modelMaxLength">Number of positions of the model.</param>
    public void SaveFolder(string folder, int modelMaxLength = 77)
    {
        Directory.CreateDirectory(folder);
        var json = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        AtomicFile.Write(Path.Combine(folder, VocabularyFile), stream => JsonSerializer.Serialize(stream, _ids, json));
        AtomicFile.Write(Path.Combine(folder, MergesFile), stream =>
        {
            using var writer = new StreamWriter(stream) { NewLine = "\n" };
            writer.WriteLine("#version: 0.2");
            foreach ((string left, string right) in Merges)
            {
                writer.WriteLine($"{left} {right}");
            }
        });
        ConfigFile.Write(Path.Combine(folder, ConfigurationFile), new JsonObject
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["model_max_length"] = modelMaxLength,
            ["bos_token"] = ClipWords.Start,
            ["eos_token"] = ClipWords.End,
            ["unk_token"] = ClipWords.End,
            [PadToken] = _ids.First(entry => entry.Value == PadId).Key,
        });
    }

    private static IEnumerable<(string Left, string Right)> ReadMerges(IEnumerable<string> lines) => lines
        .Where((line, index) => line.Length > 0 && !(index == 0 && (line.StartsWith("#version", StringComparison.Ordinal) || line.StartsWith('"'))))
        .Select(line => line.Split(' ') is [string left, string right]
            ? (left, right)
            : throw new InvalidDataException($"A line of the merges is \"{line}\", but must be two tokens with a space between."));

    private static IEnumerable<string> Lines(StreamReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>The padding token of the first file that names one; the older kind of file comes first, as in transformers.</summary>
    private static string? ReadPadToken(string folder)
    {
        foreach (string path in new[] { "special_tokens_map.json", ConfigurationFile }.Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            JsonNode? token = JsonFile.Read<JsonObject>(path, "one JSON object")[PadToken];
            if (token is not null)
            {
                return (token is JsonObject details ? details["content"] : token) is JsonValue value && value.TryGetValue(out string? text)
                    ? text
                    : throw new InvalidDataException($"{path}: field \"{PadToken}\" is {token.ToJsonString()}, but must be a token.");
            }
        }

        return null;
    }

    /// <summary>Puts the path in front of what is wrong with a file.</summary>
    private static T Load<T>(string path, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path}: {error.Message}", error);
        }
    }
}
