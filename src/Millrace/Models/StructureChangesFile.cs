using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Millrace.Files;
using Millrace.Models.Layers;

namespace Millrace.Models;

/// <summary>The file <c>structure.json</c> beside a <c>config.json</c>, for what a configuration of diffusers cannot say of a network.</summary>
internal static class StructureChangesFile
{
    private const string Name = "structure.json", Removed = "removed", Kept = "kept", Experts = "experts", Regions = "regions";

    /// <summary>What the file beside a configuration says; nothing where there is none.</summary>
    /// <exception cref="InvalidDataException">Where the file is not what it should be.</exception>
    public static StructureChanges Beside(string config)
    {
        string path = Of(config);
        if (!File.Exists(path))
        {
            return StructureChanges.None;
        }

        Content content = JsonFile.Read<Content>(path, $"one JSON object with some of the list \"{Removed}\" and the objects \"{Kept}\", \"{Experts}\" and \"{Regions}\"");
        return new StructureChanges
        {
            Removed = content.Removed ?? [],
            Kept = content.Kept ?? [],
            Experts = content.Experts ?? [],
            Regions = (content.Regions ?? []).ToDictionary(region => region.Key, region => region.Value.ToOptions()),
        };
    }

    /// <summary>Writes the file beside a configuration; where nothing differs there is none afterwards.</summary>
    public static void Write(string config, StructureChanges changes)
    {
        if (changes.IsEmpty)
        {
            File.Delete(Of(config));
            return;
        }

        static JsonObject Named<T>(IReadOnlyDictionary<string, T> entries, Func<T, JsonNode> value) => new(entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)value(entry.Value))));
        ConfigFile.Write(Of(config), new JsonObject
        {
            [Removed] = new JsonArray([.. changes.Removed]),
            [Kept] = Named(changes.Kept, units => units),
            [Experts] = Named(changes.Experts, experts => experts),
            [Regions] = Named(changes.Regions, regions => new JsonObject { ["window"] = regions.Window, ["pooling"] = regions.Pooling, ["mode"] = regions.Mode.ToString() }),
        });
    }

    private static string Of(string config) => Path.Combine(Path.GetDirectoryName(config)!, Name);

    private sealed record Content(
        [property: JsonPropertyName(StructureChangesFile.Removed)] List<string>? Removed,
        [property: JsonPropertyName(StructureChangesFile.Kept)] Dictionary<string, int>? Kept,
        [property: JsonPropertyName(StructureChangesFile.Experts)] Dictionary<string, int>? Experts,
        [property: JsonPropertyName(StructureChangesFile.Regions)] Dictionary<string, Region>? Regions);

    private sealed record Region(
        [property: JsonPropertyName("window")] int Window, [property: JsonPropertyName("pooling")] int Pooling,
        [property: JsonPropertyName("mode"), JsonConverter(typeof(JsonStringEnumConverter<RegionalAttentionMode>))] RegionalAttentionMode Mode)
    {
        public RegionalAttentionOptions ToOptions() => new() { Window = Window, Pooling = Pooling, Mode = Mode };
    }
}
