using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models;

namespace Millrace.Checkpoints;

/// <summary>The <c>model_index.json</c> of a diffusers folder: the pipeline that the model is for, and which class each of its sub-folders holds.</summary>
internal sealed class ModelIndex
{
    public const string FileName = "model_index.json";

    private const string ClassField = "_class_name";

    // Parts that any pipeline may name: a scheduler's own configuration tells which it is, the others are not used here.
    private static readonly string[] Everywhere = ["scheduler", "safety_checker", "feature_extractor", "image_encoder"];

    private readonly string _path;
    private readonly Dictionary<string, JsonElement> _fields;

    private ModelIndex(string path, Dictionary<string, JsonElement> fields) => (_path, _fields) = (path, fields);

    /// <summary>The class of the pipeline; null where the file is not there or does not say.</summary>
    public string? Pipeline => _fields.TryGetValue(ClassField, out JsonElement name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;

    /// <summary>Reads the file of a folder; a folder without it has an empty one.</summary>
    /// <exception cref="InvalidDataException">Where the file is not a JSON object.</exception>
    public static ModelIndex Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        return new ModelIndex(path, File.Exists(path) ? JsonFile.Read<Dictionary<string, JsonElement>>(path, "one JSON object") : []);
    }

    /// <summary>Refuses a model with parts that its family does not have, such as a third text encoder.</summary>
    /// <param name="allowed">Part to the classes that it may be.</param>
    /// <exception cref="InvalidDataException">Names the file and the part.</exception>
    public void Check(IReadOnlyDictionary<string, string[]> allowed)
    {
        foreach ((string part, string name) in Parts().Where(part => !Everywhere.Contains(part.Part)))
        {
            bool known = allowed.TryGetValue(part, out string[]? classes);
            if (!known || !classes!.Contains(name))
            {
                string may = known ? $"one of {string.Join(", ", classes!)}" : $"[null, null], for such a part is not supported in a {Pipeline}";
                throw new InvalidDataException($"{_path}: field \"{part}\" is {_fields[part].GetRawText()}, but must be {may}.");
            }
        }
    }

    /// <summary>Whether the model has a part.</summary>
    public bool Has(string part) => Parts().Any(entry => entry.Part == part);

    /// <summary>A setting; <paramref name="fallback"/> where the file does not hold it.</summary>
    public bool Flag(string name, bool fallback) =>
        _fields.TryGetValue(name, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : fallback;

    /// <summary>Names of classes by their numbers; empty where the file holds none.</summary>
    /// <exception cref="InvalidDataException">Where the field is not what it should be.</exception>
    public IReadOnlyDictionary<int, string> Labels()
    {
        if (!_fields.TryGetValue("id2label", out JsonElement labels) || labels.ValueKind == JsonValueKind.Null)
        {
            return new Dictionary<int, string>();
        }

        try
        {
            return labels.Deserialize<Dictionary<int, string>>() ?? [];
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{_path}: field \"id2label\" must be an object of class number to name: {error.Message}", error);
        }
    }

    /// <summary>The refusal of a value of this file.</summary>
    public InvalidDataException Refusal(string allowed) => new($"{_path}: field \"{ClassField}\" is \"{Pipeline}\", but must be one of {allowed}.");

    public static void Write(string folder, string autoencoder, string textModel) => ConfigFile.Write(Path.Combine(folder, FileName), new JsonObject
    {
        [ClassField] = "StableDiffusionPipeline",
        ["unet"] = new JsonArray("diffusers", "UNet2DConditionModel"),
        ["vae"] = new JsonArray("diffusers", autoencoder),
        ["text_encoder"] = new JsonArray("transformers", textModel),
        ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
        ["scheduler"] = new JsonArray("diffusers", "DDIMScheduler"),
        ["safety_checker"] = new JsonArray(null, null),
        ["feature_extractor"] = new JsonArray(null, null),
        ["requires_safety_checker"] = false,
    });

    /// <summary>Of a model of classes, or of none, in the latents of a tiny autoencoder; a layout of our own.</summary>
    /// <param name="folder">Where to write.</param>
    /// <param name="labels">Names of the classes; empty for none.</param>
    public static void WriteUnconditional(string folder, IReadOnlyList<string> labels) => ConfigFile.Write(Path.Combine(folder, FileName), new JsonObject
    {
        [ClassField] = Families.Unconditional.OwnPipeline,
        ["unet"] = new JsonArray("diffusers", "UNet2DModel"),
        ["vae"] = new JsonArray("diffusers", "AutoencoderTiny"),
        ["scheduler"] = new JsonArray("diffusers", "FlowMatchEulerDiscreteScheduler"),
        ["id2label"] = new JsonObject(labels.Index().Select(label => KeyValuePair.Create($"{label.Index}", (JsonNode?)label.Item))),
    });

    /// <summary>A part is [library, class]; [null, null] where there is none. Everything else is a setting.</summary>
    private IEnumerable<(string Part, string Class)> Parts() => _fields
        .Where(field => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() == 2 && field.Value[1].ValueKind != JsonValueKind.Null)
        .Select(field => (field.Key, field.Value[1].GetRawText().Trim('"')));
}
