using Millrace.Checkpoints.SingleFiles;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints.Adapters;

/// <summary>Where a weight of a model is: which network, and its name there.</summary>
internal readonly record struct LoraTarget(string Part, string Weight);

/// <summary>The weights of a model by every name that LoRA files have for their layers.</summary>
internal sealed class LoraTargets
{
    private const string Weight = ".weight";

    private readonly Dictionary<string, LoraTarget> _byName = new(StringComparer.Ordinal);

    public LoraTargets(IReadOnlyDictionary<string, Module> parts)
    {
        foreach ((string part, Module network) in parts.Where(part => part.Key != "vae"))
        {
            string[] layers = [.. network.named_parameters().Where(entry => entry.name.EndsWith(Weight, StringComparison.Ordinal) && entry.parameter.dim() >= 2).Select(entry => entry.name[..^Weight.Length])];
            NameMap? singleNames = part == "unet" ? UNetNames.OfFolder(new NameSet(part, Shapes(network))) : null;
            foreach (string layer in layers)
            {
                foreach (string name in Names(part, layer, singleNames))
                {
                    _ = _byName.TryAdd(name, new LoraTarget(part, layer + Weight));
                }
            }
        }
    }

    /// <summary>The weight that a layer of a file means; null where the model has none.</summary>
    public LoraTarget? Find(string layer) => _byName.TryGetValue(layer, out LoraTarget target) ? target : null;

    private static IEnumerable<string> Names(string part, string layer, NameMap? singleNames)
    {
        yield return $"{part}.{layer}";
        bool denoises = part is "unet" or "transformer";
        if (denoises)
        {
            yield return layer; // PEFT saves the network alone
        }

        foreach (string kohya in Kohya(part))
        {
            yield return $"{kohya}_{layer.Replace('.', '_')}";
        }

        if (singleNames?.OfFolder(layer) is { } single)
        {
            yield return $"lora_unet_{(single.Rule.Single + single.Tail).Replace('.', '_')}";
        }
    }

    private static string[] Kohya(string part) => part switch
    {
        "text_encoder" => ["lora_te", "lora_te1"],
        "text_encoder_2" => ["lora_te2"],
        "text_encoder_3" => ["lora_te3"],
        _ => ["lora_unet", "lora_transformer"],
    };

    private static Dictionary<string, IReadOnlyList<long>> Shapes(Module network) =>
        network.named_parameters().ToDictionary(entry => entry.name, entry => (IReadOnlyList<long>)entry.parameter.shape);
}
