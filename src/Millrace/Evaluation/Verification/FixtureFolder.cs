using System.Text.Json;
using Millrace.Files;

namespace Millrace.Evaluation.Verification;

/// <summary>A folder that holds a fixture: a network's, with <c>config.json</c> and <c>io.safetensors</c>, or a list of cases in <c>index.json</c>.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Its path below the verified folder.</param>
internal sealed record FixtureFolder(string Path, string Name)
{
    public const string ConfigFile = "config.json";
    public const string IndexFile = "index.json";
    public const string TensorFile = "io.safetensors";

    /// <summary>Its name in a report, also where it is the verified folder itself.</summary>
    public string Label => Name.Length > 0 ? Name : System.IO.Path.GetFileName(Path);

    public bool Has(string file) => File.Exists(PathOf(file));

    public string PathOf(string file) => System.IO.Path.Combine(Path, file);

    /// <summary>Fixture folders from here down, in the order of their names.</summary>
    public IEnumerable<FixtureFolder> Descend()
    {
        if (Has(ConfigFile) || Has(IndexFile))
        {
            return [this];
        }

        return Directory.GetDirectories(Path)
            .Order(StringComparer.Ordinal)
            .Select(path => new FixtureFolder(path, $"{Name}/{System.IO.Path.GetFileName(path)}".TrimStart('/')))
            .SelectMany(folder => folder.Descend());
    }

    /// <summary>A JSON file of the folder.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="kind">What its root must be.</param>
    /// <exception cref="InvalidDataException">Where it is not JSON, or its root is of another kind.</exception>
    public JsonElement ReadJson(string file, JsonValueKind kind)
    {
        JsonElement root = JsonFile.Read<JsonElement>(PathOf(file), "JSON");
        return root.ValueKind == kind ? root : throw new InvalidDataException($"{PathOf(file)}: the root must be an {kind}, it is {root.ValueKind}.");
    }

    /// <summary>Whether an exception means that the fixture, not this program, is at fault.</summary>
    public static bool IsBroken(Exception error) => error is InvalidDataException or IOException or UnauthorizedAccessException or KeyNotFoundException or ArgumentException;
}
