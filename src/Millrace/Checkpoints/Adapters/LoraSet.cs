using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints.Adapters;

/// <summary>
/// The LoRAs on a model, any number at once. They are merged into the weights, so that a network call costs what it costs without
/// them; the weights as they were are kept, so that a model whose LoRAs are all off or removed has its own bits again.
/// Not to be changed during a network call. Prompts that were encoded before keep the text encoder's former weights.
/// </summary>
public sealed class LoraSet : IDisposable
{
    private const int Listed = 10;

    private readonly IReadOnlyDictionary<string, Module> _parts;
    private readonly string _model;
    private readonly List<Lora> _loras = [];
    private readonly Dictionary<LoraTarget, Tensor> _originals = [];

    internal LoraSet(string model, IReadOnlyDictionary<string, Module> parts) => (_model, _parts) = (model, parts);

    /// <summary>Those that are on the model, in the order of adding.</summary>
    public IReadOnlyList<Lora> All => _loras;

    /// <summary>Puts a LoRA on the model.</summary>
    /// <param name="path">A safetensors file (or one that <c>torch.save</c> wrote) in the key style of diffusers, kohya or PEFT; or a folder with one.</param>
    /// <param name="scale">How strong; finite.</param>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where it is no LoRA, or one for another base: the message names the layers that do not fit. The model is as before.</exception>
    public Lora Add(string path, double scale = 1)
    {
        CheckScale(scale);
        using TensorFile file = TensorFile.Open(LoraFile.Find(path));
        IReadOnlyList<(LoraLayer Layer, LoraTarget Target)> layers = Fit(file);
        var products = new Dictionary<LoraTarget, LoraProduct>();
        try
        {
            foreach ((LoraLayer layer, LoraTarget target) in layers)
            {
                products.Add(target, Read(file, layer));
            }
        }
        catch
        {
            products.Values.ToList().ForEach(product => product.Dispose());
            throw;
        }

        var lora = new Lora(path, scale, products);
        _loras.Add(lora);
        Merge(lora);
        return lora;
    }

    /// <summary>Makes a LoRA stronger or weaker, without reading it again.</summary>
    /// <exception cref="ArgumentException">Where it is not on this model, or the scale is not finite.</exception>
    public void SetScale(Lora lora, double scale)
    {
        CheckScale(scale);
        CheckHere(lora);
        lora.Scale = scale;
        Merge(lora);
    }

    /// <summary>Takes a LoRA off the model.</summary>
    /// <exception cref="ArgumentException">Where it is not on this model.</exception>
    public void Remove(Lora lora)
    {
        CheckHere(lora);
        _loras.Remove(lora);
        Merge(lora);
        lora.Layers.Values.ToList().ForEach(product => product.Dispose());
    }

    /// <summary>Releases what is kept, not the networks.</summary>
    public void Dispose()
    {
        _loras.SelectMany(lora => lora.Layers.Values).ToList().ForEach(product => product.Dispose());
        _originals.Values.ToList().ForEach(original => original.Dispose());
        _loras.Clear();
        _originals.Clear();
    }

    /// <summary>Which weight each layer means; all of them, or none is read.</summary>
    private List<(LoraLayer Layer, LoraTarget Target)> Fit(TensorFile file)
    {
        if (_parts.Values.SelectMany(part => part.modules()).OfType<IQuantizableLayer>().Any(layer => layer.IsQuantized))
        {
            throw new InvalidDataException($"'{file.Path}' cannot be put on the model '{_model}': its layers compute in integers, which were made from the weights without it.");
        }

        IReadOnlyList<LoraLayer> layers = LoraFile.Layers(file);
        var targets = new LoraTargets(_parts);
        Dictionary<string, Dictionary<string, Tensor>> weights = _parts.ToDictionary(part => part.Key, part => Weights(part.Value));
        List<(LoraLayer Layer, LoraTarget Target)> fitting = [];
        List<string> others = [];
        foreach (LoraLayer layer in layers)
        {
            if (targets.Find(layer.Name) is not { } target)
            {
                others.Add($"'{layer.Name}' (no such layer)");
            }
            else if (weights[target.Part][target.Weight] is var weight && (weight.shape[0] != layer.Up.Shape[0] || weight.numel() != layer.Count))
            {
                others.Add($"'{layer.Name}' (for [{layer.Up.Shape[0]}, {string.Join(", ", layer.Down.Shape.Skip(1))}], here [{string.Join(", ", weight.shape)}])");
            }
            else
            {
                fitting.Add((layer, target));
            }
        }

        return others.Count == 0
            ? fitting
            : throw new InvalidDataException(
                $"'{file.Path}' is a LoRA for another base: {others.Count} of its {layers.Count} layers do not fit the model '{_model}': {string.Join(", ", others.Take(Listed))}{(others.Count > Listed ? $" and {others.Count - Listed} more" : "")}.");
    }

    private static LoraProduct Read(TensorFile file, LoraLayer layer)
    {
        using var scope = NewDisposeScope();
        Tensor down = file.Read(layer.Down.Name, float32), up = file.Read(layer.Up.Name, float32);
        if (!down.isfinite().all().item<bool>() || !up.isfinite().all().item<bool>())
        {
            throw new InvalidDataException($"'{file.Path}': the layer '{layer.Name}' holds NaN or infinity: its weights are broken.");
        }

        double strength = (layer.Alpha ?? layer.Rank) / layer.Rank;
        return new LoraProduct(down.flatten(1).clone().DetachFromDisposeScope(), up.flatten(1).Times(strength).DetachFromDisposeScope());
    }

    /// <summary>Computes anew the weights that a LoRA touches.</summary>
    private void Merge(Lora changed)
    {
        using IDisposable noGrad = no_grad();
        foreach (IGrouping<string, LoraTarget> part in changed.Layers.Keys.GroupBy(target => target.Part))
        {
            Dictionary<string, Tensor> weights = Weights(_parts[part.Key]);
            foreach (LoraTarget target in part)
            {
                Merge(target, weights[target.Weight]);
            }

            foreach (Attention attention in _parts[part.Key].modules().OfType<Attention>())
            {
                attention.RefreshFused();
            }
        }
    }

    private void Merge(LoraTarget target, Tensor weight)
    {
        using var scope = NewDisposeScope();
        (double Scale, LoraProduct Product)[] active = [.. _loras.Where(lora => lora.Scale != 0 && lora.Layers.ContainsKey(target)).Select(lora => (lora.Scale, lora.Layers[target]))];
        if (!_originals.TryGetValue(target, out Tensor? original))
        {
            if (active.Length == 0)
            {
                return;
            }

            original = weight.detach().clone().DetachFromDisposeScope();
            _originals.Add(target, original);
        }

        if (active.Length == 0)
        {
            weight.copy_(original);
            original.Dispose();
            _originals.Remove(target);
            return;
        }

        Tensor merged = original.to(float32);
        foreach ((double scale, LoraProduct product) in active)
        {
            merged = merged.Plus(product.Up.matmul(product.Down).Times(scale).view(weight.shape));
        }

        weight.copy_(merged);
    }

    private static Dictionary<string, Tensor> Weights(Module network) => network.named_parameters().ToDictionary(entry => entry.name, entry => (Tensor)entry.parameter);

    private void CheckHere(Lora lora)
    {
        if (!_loras.Contains(lora))
        {
            throw new ArgumentException($"The LoRA '{lora.Path}' is not on the model '{_model}'.", nameof(lora));
        }
    }

    private static void CheckScale(double scale)
    {
        if (!double.IsFinite(scale))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "A LoRA's scale must be a finite number.");
        }
    }
}
