using System.Text;
using System.Text.Json;

namespace Millrace.Training.Data;

/// <summary>
/// The caption of each picture of a set: of the file of its name that stands beside it (<c>.txt</c>; <c>.json</c> with caption, text or label;
/// <c>.cls</c>), or else of a list. An archive is a world of its own: the same name in two shards means two pictures.
/// </summary>
internal sealed class CaptionIndex
{
    private static readonly string[] Beside = [".cls", ".json", ".txt"]; // a later one wins
    private static readonly string[] Properties = ["caption", "text", "label"];

    private readonly Dictionary<(string Shard, string Name), string> _listed = [];
    private readonly Dictionary<(string Shard, string Name), string> _beside = [];

    /// <summary>Reads all captions.</summary>
    /// <exception cref="InvalidDataException">Where a list cannot be read; names the line.</exception>
    public CaptionIndex(IReadOnlyList<StoredFile> files)
    {
        foreach (StoredFile file in files.Where(file => CaptionFile.Is(file.Name)))
        {
            foreach ((string name, string caption) in CaptionFile.Read(file))
            {
                _listed[(file.Shard, name)] = caption;
            }
        }

        foreach (StoredFile file in files.Where(file => Beside.Contains(Ending(file.Name))).OrderBy(file => Array.IndexOf(Beside, Ending(file.Name))))
        {
            string text = Encoding.UTF8.GetString(file.Read()).Trim();
            if ((Ending(file.Name) == ".json" ? FromJson(text) : text) is { } caption)
            {
                _beside[(file.Shard, Stem(file.Name))] = caption;
            }
        }
    }

    /// <summary>The caption of a picture; empty where it has none.</summary>
    public string Find(StoredFile picture) =>
        _beside.GetValueOrDefault((picture.Shard, Stem(picture.Name)))
        ?? _listed.GetValueOrDefault((picture.Shard, picture.Name))
        ?? _listed.GetValueOrDefault(("", picture.Name), ""); // a list beside the archives

    /// <summary>What lists name and the set does not hold.</summary>
    public IEnumerable<string> WithoutPicture(IReadOnlyList<StoredFile> files)
    {
        HashSet<(string, string)> known = [.. files.SelectMany(file => new[] { (file.Shard, file.Name), ("", file.Name) })];
        return _listed.Keys.Where(listed => !known.Contains(listed)).Select(listed => listed.Name);
    }

    private static string Ending(string name) => Path.GetExtension(name).ToLowerInvariant();

    private static string Stem(string name) => Path.ChangeExtension(name, null);

    private static string? FromJson(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            return root.ValueKind != JsonValueKind.Object ? null
                : Properties.Where(name => root.TryGetProperty(name, out _)).Select(name => root.GetProperty(name).ToString()).FirstOrDefault();
        }
        catch (JsonException)
        {
            return null; // somebody else's file
        }
    }
}
