using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models.Layers;

namespace Millrace.Models;

/// <summary>
/// A <c>config.json</c> of diffusers or transformers being read. Fields are taken one by one; where all are known, what is left
/// at the end names a feature that the reader does not know, and must be switched off (null or false).
/// </summary>
internal sealed class ConfigFile
{
    // Written by training scripts; no bearing on what the network computes.
    private static readonly string[] Bookkeeping =
        ["sample_size", "dropout", "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup"];

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
    private readonly HashSet<string> _taken = [];

    /// <exception cref="InvalidDataException">Where the file is not a JSON object.</exception>
    public ConfigFile(string path)
    {
        _path = path;
        _fields = JsonFile.Read<Dictionary<string, JsonElement>>(path, "one JSON object");
    }

    /// <exception cref="InvalidDataException">Where the file is not a JSON object, or describes a class other than <paramref name="className"/>.</exception>
    public ConfigFile(string path, string className)
        : this(path) => _ = Choice("_class_name", className, new Dictionary<string, string> { [className] = className });

    /// <summary>An object within another file.</summary>
    /// <exception cref="InvalidDataException">Where it is not a JSON object.</exception>
    public ConfigFile(string path, JsonElement config)
    {
        _path = path;
        _fields = config.ValueKind == JsonValueKind.Object
            ? config.EnumerateObject().ToDictionary(field => field.Name, field => field.Value)
            : throw new InvalidDataException($"{path}: a configuration must be a JSON object, it is {config.ValueKind}.");
    }

    public static void Write(string path, JsonObject config) =>
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(config.ToJsonString(Indented) + "\n")));

    public static string NameOf(Activation activation) => Activations.First(entry => entry.Value == activation).Key;

    /// <summary>A whole number; one that must be there where <paramref name="fallback"/> is null.</summary>
    public int Integer(string field, int? fallback = null) =>
        Take(field) is not { } value ? fallback ?? throw Missing(field, "a whole number")
        : IsInteger(value, out int number) ? number : throw Refusal(field, value, "a whole number");

    /// <summary>A number; one that must be there where <paramref name="fallback"/> is null.</summary>
    public double Number(string field, double? fallback = null) =>
        Take(field) is not { } value ? fallback ?? throw Missing(field, "a number")
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Refusal(field, value, "a number");

    public bool Flag(string field, bool fallback) =>
        Take(field) is not { } value ? fallback
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Refusal(field, value, "true or false");

    public Activation Activation(string field, Activation fallback) => Choice(field, fallback, Activations);

    public T Choice<T>(string field, T fallback, IReadOnlyDictionary<string, T> choices) =>
        Take(field) is not { } value ? fallback : Choose(field, value, choices);

    /// <summary>A choice that must be there.</summary>
    public T Choice<T>(string field, IReadOnlyDictionary<string, T> choices) =>
        Take(field) is { } value ? Choose(field, value, choices) : throw Missing(field, Names(choices));

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

    /// <summary>Numbers; null where there are none.</summary>
    public IReadOnlyList<double>? Numbers(string field) =>
        Take(field) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Number)
            ? [.. value.EnumerateArray().Select(item => item.GetDouble())]
        : throw Refusal(field, value, "a list of numbers");

    /// <summary>Passes over fields that have no bearing here.</summary>
    public void Pass(IEnumerable<string> fields)
    {
        foreach (string field in fields)
        {
            _ = Take(field);
        }
    }

    /// <summary>A whole number, or null where there is none.</summary>
    public int? OptionalInteger(string field) =>
        Take(field) is not { } value ? null : IsInteger(value, out int number) ? number : throw Refusal(field, value, "a whole number or null");

    /// <summary>A whole number, or a list of them for the sides of a picture, of which the largest counts; null where there is none.</summary>
    public int? OptionalSide(string field) =>
        !_fields.TryGetValue(field, out JsonElement value) || value.ValueKind != JsonValueKind.Array ? OptionalInteger(field)
        : Integers(field, []) is { Count: > 0 } sides ? sides.Max()
        : throw Refusal(field, value, "a whole number, or one for each side");

    /// <summary>A nonlinearity, or null where there is none.</summary>
    public Activation? OptionalActivation(string field) => Take(field) is { } value ? Choose(field, value, Activations) : null;

    /// <summary>One flag for each stage, or one that stands for all <paramref name="count"/>; empty where it is false or absent.</summary>
    public IReadOnlyList<bool> Flags(string field, int count) =>
        Take(field) is not { } value ? []
        : value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(item => item.ValueKind is JsonValueKind.True or JsonValueKind.False)
            ? [.. value.EnumerateArray().Select(item => item.GetBoolean())]
        : value.ValueKind == JsonValueKind.True ? [.. Enumerable.Repeat(true, count)]
        : value.ValueKind == JsonValueKind.False ? []
        : throw Refusal(field, value, "true or false, or a list of them");

    /// <summary>One list of numbers for each stage, from a number that stands for all <paramref name="count"/>, a list of numbers, or a list of lists; empty where the field is absent.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Depths(string field, int count)
    {
        if (Take(field) is not { } value)
        {
            return [];
        }

        IReadOnlyList<int> Of(JsonElement item) =>
            item.ValueKind == JsonValueKind.Array ? [.. item.EnumerateArray().Select(number => Item(field, value, number))] : [Item(field, value, item)];
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(Of)] : [.. Enumerable.Repeat(Of(value), count)];
    }

    /// <summary>A whole number, or a list that says the same one for every stage.</summary>
    public int SameInteger(string field, int fallback)
    {
        if (_fields.TryGetValue(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array)
        {
            IReadOnlyList<int> values = Integers(field, []);
            return values.Distinct().Count() == 1 ? values[0] : throw Refusal(field, value, "one number for all stages");
        }

        return Integer(field, fallback);
    }

    /// <summary>A choice among whole numbers.</summary>
    public T Choice<T>(string field, T fallback, IReadOnlyDictionary<int, T> choices) =>
        Take(field) is not { } value ? fallback
        : IsInteger(value, out int number) && choices.TryGetValue(number, out T? choice) ? choice
        : throw Refusal(field, value, string.Join(" or ", choices.Keys));

    /// <summary>Whether a field is there and null, for the few where that is not the same as absent.</summary>
    public bool HasNull(string field) => _fields.TryGetValue(field, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>Whether a field was there with a value, and has been taken.</summary>
    public bool Had(string field) => _taken.Contains(field);

    /// <summary>A list, or one number that stands for all <paramref name="count"/> values; empty where the field is absent.</summary>
    public IReadOnlyList<int> IntegersOrNone(string field, int count) =>
        _fields.TryGetValue(field, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? IntegerOrIntegers(field, 0, count) : [];

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

        Check(validate);
    }

    /// <summary>Checks the options that were read.</summary>
    public void Check(Action validate) => _ = Checked(() =>
    {
        validate();
        return true;
    });

    /// <summary>What is made of the values that were read, where they allow it.</summary>
    public T Checked<T>(Func<T> make)
    {
        try
        {
            return make();
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

    private JsonElement? Take(string field)
    {
        if (!_fields.Remove(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        _taken.Add(field);
        return value;
    }

    private T Choose<T>(string field, JsonElement value, IReadOnlyDictionary<string, T> choices) =>
        value.ValueKind == JsonValueKind.String && choices.TryGetValue(value.GetString()!, out T? choice)
            ? choice
            : throw Refusal(field, value, Names(choices));

    private static string Names<T>(IReadOnlyDictionary<string, T> choices) => string.Join(" or ", choices.Keys.Select(name => $"\"{name}\""));

    private int Item(string field, JsonElement list, JsonElement item) =>
        IsInteger(item, out int number) ? number : throw Refusal(field, list, "a list of whole numbers");

    private InvalidDataException Refusal(string field, JsonElement value, string allowed) =>
        new($"{_path}: field \"{field}\" is {value.GetRawText()}, but must be {allowed}.");

    private InvalidDataException Missing(string field, string allowed) => new($"{_path}: field \"{field}\" is missing, but must be {allowed}.");
}
