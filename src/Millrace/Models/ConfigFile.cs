using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Models.Layers;

namespace Millrace.Models;

/// <summary>
/// A diffusers <c>config.json</c> being read. Fields are taken one by one; what is left at the end names a feature that the
/// reader does not know, and must be switched off (null or false).
/// </summary>
internal sealed class ConfigFile
{
    // Written by training scripts; no bearing on what the network computes.
    private static readonly string[] Bookkeeping =
        ["sample_size", "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup"];

    private static readonly Dictionary<string, Activation> Activations = new()
    {
        ["relu"] = Layers.Activation.Relu,
        ["silu"] = Layers.Activation.Silu,
        ["swish"] = Layers.Activation.Silu,
        ["gelu"] = Layers.Activation.Gelu,
        ["mish"] = Layers.Activation.Mish,
    };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly string _path;
    private readonly Dictionary<string, JsonElement> _fields;

    /// <exception cref="InvalidDataException">Where the file is not a JSON object, or describes a class other than <paramref name="className"/>.</exception>
    public ConfigFile(string path, string className)
    {
        _path = path;
        try
        {
            _fields = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllBytes(path)) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} must hold one JSON object: {error.Message}", error);
        }

        _ = Choice("_class_name", className, new Dictionary<string, string> { [className] = className });
    }

    public static void Write(string path, JsonObject config) => File.WriteAllText(path, config.ToJsonString(Indented) + "\n");

    public static string NameOf(Activation activation) => Activations.First(entry => entry.Value == activation).Key;

    public int Integer(string field, int fallback) =>
        Take(field) is not { } value ? fallback : IsInteger(value, out int number) ? number : throw Refusal(field, value, "a whole number");

    public double Number(string field, double fallback) =>
        Take(field) is not { } value ? fallback : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Refusal(field, value, "a number");

    public bool Flag(string field, bool fallback) =>
        Take(field) is not { } value ? fallback
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Refusal(field, value, "true or false");

    public Activation Activation(string field, Activation fallback) => Choice(field, fallback, Activations);

    public T Choice<T>(string field, T fallback, IReadOnlyDictionary<string, T> choices) =>
        Take(field) is not { } value ? fallback : Choose(field, value, choices);

    public IReadOnlyList<T> Choices<T>(string field, IReadOnlyList<T> fallback, IReadOnlyDictionary<string, T> choices) =>
        Take(field) is not { } value ? fallback
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => Choose(field, item, choices))]
        : throw Refusal(field, value, "a list");

    public IReadOnlyList<int> Integers(string field, IReadOnlyList<int> fallback) =>
        Take(field) is not { } value ? fallback
        : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(item => Item(field, value, item))]
        : throw Refusal(field, value, "a list of whole numbers");

    /// <summary>A list, or one number that stands for all <paramref name="count"/> values.</summary>
    public IReadOnlyList<int> IntegerOrIntegers(string field, int fallback, int count) =>
        _fields.TryGetValue(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            ? Integers(field, [])
            : [.. Enumerable.Repeat(Integer(field, fallback), count)];

    /// <summary>Refuses a field that is there with another value than <paramref name="json"/>.</summary>
    public void Only(string field, string json)
    {
        using var allowed = JsonDocument.Parse(json);
        if (Take(field) is { } value && !JsonElement.DeepEquals(value, allowed.RootElement))
        {
            throw Refusal(field, value, json);
        }
    }

    /// <summary>Ends the reading: refuses every field not taken that may change what the network computes, and checks the options.</summary>
    public void Close(Action validate)
    {
        foreach ((string field, JsonElement value) in _fields)
        {
            bool off = value.ValueKind is JsonValueKind.Null or JsonValueKind.False;
            if (!off && !field.StartsWith('_') && !Bookkeeping.Contains(field))
            {
                throw Refusal(field, value, "null or false, for this feature is not supported");
            }
        }

        try
        {
            validate();
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"{_path}: {error.Message}", error);
        }
    }

    private static bool IsInteger(JsonElement value, out int number)
    {
        number = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out number);
    }

    private JsonElement? Take(string field) =>
        _fields.Remove(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private T Choose<T>(string field, JsonElement value, IReadOnlyDictionary<string, T> choices) =>
        value.ValueKind == JsonValueKind.String && choices.TryGetValue(value.GetString()!, out T? choice)
            ? choice
            : throw Refusal(field, value, string.Join(" or ", choices.Keys.Select(name => $"\"{name}\"")));

    private int Item(string field, JsonElement list, JsonElement item) =>
        IsInteger(item, out int number) ? number : throw Refusal(field, list, "a list of whole numbers");

    private InvalidDataException Refusal(string field, JsonElement value, string allowed) =>
        new($"{_path}: field \"{field}\" is {value.GetRawText()}, but must be {allowed}.");
}
