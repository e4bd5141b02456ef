using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models;

namespace Millrace.Checkpoints;

/// <summary>The <c>model_index.json</c> of a diffusers folder: which class each of its sub-folders holds.</summary>
internal static class ModelIndex
{
    public const string FileName = "model_index.json";

    // Null means any class: a scheduler's own configuration tells, and the last two are not used here.
    private static readonly Dictionary<string, string[]?> Allowed = new()
    {
        ["unet"] = ["UNet2DConditionModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["CLIPTextModel", "CLIPTextModelWithProjection"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["scheduler"] = null,
        ["safety_checker"] = null,
        ["feature_extractor"] = null,
    };

    /// <summary>Refuses a model with parts that are not known here, such as a second text encoder. A folder without the file passes.</summary>
    /// <exception cref="InvalidDataException">Names the file and the part.</exception>
    public static void Check(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return;
        }

        foreach ((string part, JsonElement value) in JsonFile.Read<Dictionary<string, JsonElement>>(path, "one JSON object"))
        {
            // A part is [library, class]; [null, null] where there is none. Everything else is a setting.
            if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2 && value[1].ValueKind != JsonValueKind.Null)
            {
                bool known = Allowed.TryGetValue(part, out string[]? classes);
                if (!known || classes?.Any(value[1].GetRawText().Trim('"').Equals) == false)
                {
                    string allowed = known ? $"one of {string.Join(", ", classes!)}" : "[null, null], for such a part is not supported";
                    throw new InvalidDataException($"{path}: field \"{part}\" is {value.GetRawText()}, but must be {allowed}.");
                }
            }
        }
    }

    public static void Write(string folder, string autoencoder, string textModel) => ConfigFile.Write(Path.Combine(folder, FileName), new JsonObject
    {
        ["_class_name"] = "StableDiffusionPipeline",
        ["unet"] = new JsonArray("diffusers", "UNet2DConditionModel"),
        ["vae"] = new JsonArray("diffusers", autoencoder),
        ["text_encoder"] = new JsonArray("transformers", textModel),
        ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
        ["scheduler"] = new JsonArray("diffusers", "DDIMScheduler"),
        ["safety_checker"] = new JsonArray(null, null),
        ["feature_extractor"] = new JsonArray(null, null),
        ["requires_safety_checker"] = false,
    });
}
