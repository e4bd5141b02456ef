using System.Text.Json;
using System.Text.RegularExpressions;

namespace Millrace.Checkpoints.Adapters;

/// <summary>The layers of a LoRA file, in the key styles of diffusers (old and new), kohya and PEFT.</summary>
internal static partial class LoraFile
{
    private const string PeftConfig = "adapter_config.json";

    private static readonly string[] FileNames = ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];

    // Kinds of adapters that are no plain product of two matrices, by what their keys hold.
    private static readonly (string Mark, string Kind)[] OtherKinds =
    [
        ("dora_scale", "DoRA"), ("lora_magnitude_vector", "DoRA"), ("hada_", "LoHa"), ("lokr_", "LoKr"), ("oft_", "OFT"), ("lora_mid", "LoCon in Tucker form"), ("ia3_", "(IA)3"),
    ];

    /// <summary>The file that a path means: itself, or the weights in a folder.</summary>
    /// <exception cref="FileNotFoundException">Where there is none.</exception>
    public static string Find(string path) => !Directory.Exists(path)
        ? path
        : FileNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"The folder '{path}' holds neither {string.Join(" nor ", FileNames)}.", path);

    /// <summary>Reads which layers there are.</summary>
    /// <exception cref="InvalidDataException">Where the file holds something else, or half a layer.</exception>
    public static IReadOnlyList<LoraLayer> Layers(TensorFile file)
    {
        double? scale = PeftScale(file.Path);
        var layers = new Dictionary<string, (TensorEntry? Down, TensorEntry? Up, double? Alpha)>(StringComparer.Ordinal);
        foreach (TensorEntry entry in file.Entries)
        {
            if (OtherKinds.FirstOrDefault(kind => entry.Name.Contains(kind.Mark, StringComparison.Ordinal)) is { Kind: { } kind })
            {
                throw new InvalidDataException($"'{file.Path}' is a {kind} adapter ('{entry.Name}'); only LoRA is read, the product of two matrices a layer.");
            }

            Match match = Key().Match(entry.Name);
            if (!match.Success)
            {
                throw new InvalidDataException($"'{file.Path}' is no LoRA: its tensor '{entry.Name}' is neither half of a layer nor an alpha.");
            }

            string name = Layer(match.Groups["layer"].Value);
            (TensorEntry? down, TensorEntry? up, double? alpha) = layers.GetValueOrDefault(name);
            layers[name] = match.Groups["role"].Value switch
            {
                "down" or "A" => (entry, up, alpha),
                "up" or "B" => (down, entry, alpha),
                _ => (down, up, ReadNumber(file, entry)),
            };
        }

        return layers.Count == 0
            ? throw new InvalidDataException($"'{file.Path}' holds no tensors.")
            : [.. layers.Select(layer => Whole(file, layer.Key, layer.Value.Down, layer.Value.Up, layer.Value.Alpha, scale))];
    }

    private static LoraLayer Whole(TensorFile file, string name, TensorEntry? down, TensorEntry? up, double? alpha, double? scale)
    {
        if (down is null || up is null)
        {
            throw new InvalidDataException($"'{file.Path}': the layer '{name}' lacks its {(down is null ? "down (A)" : "up (B)")} matrix.");
        }

        return down.Shape.Count >= 2 && up.Shape.Count >= 2 && down.Shape[0] > 0 && up.Shape[1] == down.Shape[0] && up.Count == up.Shape[0] * up.Shape[1]
            ? new LoraLayer(name, down, up, alpha ?? (scale * down.Shape[0]))
            : throw new InvalidDataException(
                $"'{file.Path}': the matrices of layer '{name}' are [{string.Join(", ", down.Shape)}] and [{string.Join(", ", up.Shape)}], which have no product: the first side of one is the rank, the second of the other.");
    }

    /// <summary>A layer's name without what PEFT wraps around it, and without what old diffusers files call its place in the attention processor.</summary>
    private static string Layer(string name)
    {
        name = name.StartsWith("base_model.model.", StringComparison.Ordinal) ? name["base_model.model.".Length..] : name;
        Match old = Processor().Match(name);
        return !old.Success ? name : old.Groups["projection"].Value is var projection && projection == "to_out" ? $"{old.Groups["attention"].Value}.to_out.0" : $"{old.Groups["attention"].Value}.{projection}";
    }

    private static double ReadNumber(TensorFile file, TensorEntry entry)
    {
        if (entry.Count != 1)
        {
            throw new InvalidDataException($"'{file.Path}': '{entry.Name}' must be one number, got [{string.Join(", ", entry.Shape)}].");
        }

        using TorchSharp.torch.Tensor number = file.Read(entry.Name, TorchSharp.torch.float64);
        double alpha = number.item<double>();
        return double.IsFinite(alpha) ? alpha : throw new InvalidDataException($"'{file.Path}': '{entry.Name}' is {alpha}; it must be a finite number.");
    }

    /// <summary>Alpha over rank where PEFT's configuration lies beside the file; null where it does not.</summary>
    private static double? PeftScale(string file)
    {
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, PeftConfig);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using JsonDocument config = JsonDocument.Parse(File.ReadAllText(path));
            double alpha = config.RootElement.GetProperty("lora_alpha").GetDouble(), rank = config.RootElement.GetProperty("r").GetDouble();
            bool byRoot = config.RootElement.TryGetProperty("use_rslora", out JsonElement root) && root.ValueKind == JsonValueKind.True;
            return rank > 0 ? alpha / (byRoot ? Math.Sqrt(rank) : rank) : throw new InvalidDataException($"'{path}': r must be above 0, got {rank}.");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException($"'{path}' must be a JSON object with the numbers lora_alpha and r ({error.Message}).", error);
        }
    }

    [GeneratedRegex(@"^(?<layer>.+?)(?:(?:\.lora_|\.lora\.|_lora\.|\.lora_linear_layer\.)(?<role>down|up|A|B)(?:\.[^.]+)?\.weight|\.(?<role>alpha))$", RegexOptions.ExplicitCapture)]
    private static partial Regex Key();

    [GeneratedRegex(@"^(?<attention>.+)\.processor\.(?<projection>to_q|to_k|to_v|to_out)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Processor();
}
