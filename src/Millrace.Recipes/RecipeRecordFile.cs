using System.Text.Json;
using System.Text.Json.Serialization;

namespace Millrace.Recipes;

/// <summary>Records as JSON files, one a recipe.</summary>
public static class RecipeRecordFile
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Writes a record.</summary>
    public static void Write(string path, RecipeRecord record) => File.WriteAllText(path, JsonSerializer.Serialize(record, Json) + "\n");

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">Where the file holds none.</exception>
    public static RecipeRecord Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RecipeRecord>(File.ReadAllText(path), Json) ?? throw new JsonException("it is empty");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"'{path}' is no record of a recipe: {error.Message}", error);
        }
    }
}
