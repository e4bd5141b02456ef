using System.Text.Json;
using System.Text.RegularExpressions;
using Millrace.Checkpoints;

namespace Millrace.Cli;

/// <summary>A model folder at a glance, from its configurations and the headers of its weights.</summary>
/// <param name="Name">Name of the folder.</param>
/// <param name="Folder">Where it is.</param>
/// <param name="Family">Class of its pipeline, and of its autoencoder.</param>
/// <param name="Parameters">Numbers in its weights.</param>
/// <param name="Bytes">Size of its weights.</param>
/// <param name="DefaultSize">Side of its pictures in pixels; null where the configurations do not tell.</param>
/// <param name="License">Licence as its card says; null where there is no card, or it does not say.</param>
internal sealed partial record ModelSummary(string Name, string Folder, string Family, long Parameters, long Bytes, int? DefaultSize, string? License)
{
    public static ModelSummary Of(string folder)
    {
        string[] weights = Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories);
        JsonElement unet = Config(folder, "unet", "config.json"), autoencoder = Config(folder, "vae", "config.json"), index = Config(folder, "model_index.json");
        return new ModelSummary(
            Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), Path.GetFullPath(folder),
            $"{Text(index, "_class_name") ?? Text(unet, "_class_name")}, {Text(autoencoder, "_class_name")}",
            weights.Sum(CountParameters), weights.Sum(file => new FileInfo(file).Length),
            DefaultSizeOf(unet, autoencoder), LicenseOf(Path.Combine(folder, "README.md")));
    }

    private static long CountParameters(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Entries.Sum(entry => entry.Shape.Aggregate(1L, (product, side) => product * side));
    }

    private static int? DefaultSizeOf(JsonElement unet, JsonElement autoencoder)
    {
        string widths = Text(autoencoder, "_class_name") == "AutoencoderTiny" ? "encoder_block_out_channels" : "block_out_channels";
        return unet.TryGetProperty("sample_size", out JsonElement side) && side.TryGetInt32(out int latent)
            && autoencoder.TryGetProperty(widths, out JsonElement stages) && stages.ValueKind == JsonValueKind.Array
            ? latent << (stages.GetArrayLength() - 1)
            : null;
    }

    private static string? LicenseOf(string card) =>
        File.Exists(card) && File.ReadLines(card).Select(line => LicenseLine().Match(line)).FirstOrDefault(match => match.Success) is { } line ? line.Groups["text"].Value.Trim() : null;

    private static JsonElement Config(params string[] path)
    {
        string file = Path.Combine(path);
        if (!File.Exists(file))
        {
            return JsonDocument.Parse("{}").RootElement;
        }

        try
        {
            JsonElement root = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
            return root.ValueKind == JsonValueKind.Object ? root : throw new InvalidDataException($"{file}: must hold one JSON object.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{file}: not JSON: {error.Message}", error);
        }
    }

    private static string? Text(JsonElement config, string field) => config.TryGetProperty(field, out JsonElement value) ? value.ToString() : null;

    [GeneratedRegex(@"^\W*licen[cs]e\b\W*(?<text>.*\w.*)$", RegexOptions.IgnoreCase)]
    private static partial Regex LicenseLine();
}
