using System.Globalization;
using System.Text;
using System.Text.Json;
using Millrace.Files;

namespace Millrace.Models.TextEncoders;

/// <summary>The byte-pair tokenizer of Gemma, as the <c>tokenizer.json</c> of the tokenizers library holds it: spaces are characters, and what no token covers is spelled in bytes.</summary>
public sealed class GemmaTokenizer
{
    private const string FileName = "tokenizer.json", Space = "\u2581";

    private readonly Dictionary<string, int> _ids;
    private readonly BytePairMerger _merger;

    private GemmaTokenizer(Dictionary<string, int> ids, IEnumerable<(string Left, string Right)> merges)
    {
        _ids = ids;
        _merger = new BytePairMerger(merges.Select(pair => (IdOf(pair.Left), IdOf(pair.Right), IdOf(pair.Left + pair.Right))));
        (StartId, PadId, LargestId) = (IdOf("<bos>"), IdOf("<pad>"), ids.Values.Max());
        _ = Enumerable.Range(0, 256).Sum(value => IdOf(ByteToken(value)));
    }

    /// <summary>Id that opens every text.</summary>
    public int StartId { get; }

    /// <summary>Id that fills the positions after the end.</summary>
    public int PadId { get; }

    /// <summary>The largest id.</summary>
    public int LargestId { get; }

    /// <summary>Reads the <c>tokenizer.json</c> of a folder.</summary>
    /// <exception cref="InvalidDataException">Where there is none, or it is not what it should be; names it.</exception>
    public static GemmaTokenizer LoadFolder(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"'{folder}' holds no tokenizer: it must hold {FileName}.");
        }

        try
        {
            JsonElement model = JsonFile.Read<JsonElement>(path, "one JSON object").GetProperty("model");
            string kind = model.GetProperty("type").GetString()!;
            return kind == "BPE"
                ? new GemmaTokenizer(model.GetProperty("vocab").Deserialize<Dictionary<string, int>>()!, model.GetProperty("merges").EnumerateArray().Select(ReadMerge))
                : throw new InvalidDataException($"its kind is {kind}, but must be BPE");
        }
        catch (Exception error) when (error is InvalidDataException or KeyNotFoundException or InvalidOperationException or JsonException)
        {
            throw new InvalidDataException($"{path}: it is not a byte-pair tokenizer of Gemma: {error.Message}.", error);
        }
    }

    /// <summary>The ids of a text, without what opens it.</summary>
    public IReadOnlyList<int> Tokenize(string text) =>
        [.. _merger.Merge([.. text.Replace(" ", Space, StringComparison.Ordinal).EnumerateRunes().SelectMany(Spell)])];

    private IEnumerable<int> Spell(Rune rune) => _ids.TryGetValue(rune.ToString(), out int id)
        ? [id]
        : Encoding.UTF8.GetBytes(rune.ToString()).Select(value => _ids[ByteToken(value)]);

    private int IdOf(string token) => _ids.TryGetValue(token, out int id) && id >= 0 ? id : throw new InvalidDataException($"it lacks '{token}'");

    private static string ByteToken(int value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    // Older files write a pair as one text with a space between, newer ones as a list.
    private static (string Left, string Right) ReadMerge(JsonElement merge)
    {
        string[] pair = merge.ValueKind == JsonValueKind.Array ? [.. merge.EnumerateArray().Select(part => part.GetString() ?? "")] : merge.GetString()!.Split(' ');
        return pair is [var left, var right] ? (left, right) : throw new InvalidDataException($"a merge is {merge.GetRawText()}, but must be two tokens");
    }
}
