using System.Text;
using System.Text.Json;

namespace Millrace.Training.Data;

/// <summary>Captions beside pictures: a TSV of file and caption, or JSON lines with <c>file_name</c> and <c>text</c>.</summary>
internal static class CaptionFile
{
    private static readonly string[] Names = ["captions.tsv", "captions.jsonl", "metadata.jsonl"];

    /// <summary>Whether a file holds captions by its name.</summary>
    public static bool Is(string name) => Names.Contains(Path.GetFileName(name), StringComparer.OrdinalIgnoreCase);

    /// <summary>Name of a picture to its caption.</summary>
    /// <exception cref="InvalidDataException">Where a line cannot be read; names it.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Read(StoredFile file)
    {
        string folder = file.Name[..(file.Name.LastIndexOf('/') + 1)];
        bool json = file.Name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
        string[] lines = Encoding.UTF8.GetString(file.Read()).Split('\n');
        foreach ((int index, string line) in lines.Index())
        {
            string text = line.TrimEnd('\r');
            if (text.Length == 0 || (index == 0 && !json && text.StartsWith("file\t", StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            (string name, string caption) = (json ? FromJson(text) : FromCells(text))
                ?? throw new InvalidDataException($"'{file.Name}', line {index + 1}: expected {(json ? "an object with \"file_name\" and \"text\"" : "a file and a caption with a tab between them")}.");
            yield return KeyValuePair.Create(folder + name, caption);
        }
    }

    private static (string, string)? FromCells(string line) => line.Split('\t') is [{ Length: > 0 } name, var caption, ..] ? (name, caption) : null;

    private static (string, string)? FromJson(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("file_name", out JsonElement name) && name.ValueKind == JsonValueKind.String
                && document.RootElement.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String
                    ? (name.GetString()!, text.GetString()!)
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
