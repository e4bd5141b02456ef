using System.Globalization;
using Millrace.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Quantization;

/// <summary>The integer layers of a model's networks, and the file that keeps them. The file is an addition to the base: norms, narrow layers and text encoders stay there.</summary>
/// <param name="networks">By the names of the model's parts (<c>unet</c>, <c>transformer</c>, <c>vae</c>); owned.</param>
public sealed class QuantizedModel(IReadOnlyDictionary<string, QuantizedNetwork> networks) : IDisposable
{
    private const string Kind = "millrace quantization", KindKey = "kind", Base = ".base", Bits = ".weight_bits";
    private const string Weight = ".weight", Scale = ".scale", Input = ".input";

    /// <summary>By the names of the model's parts.</summary>
    public IReadOnlyDictionary<string, QuantizedNetwork> Networks => networks;

    /// <summary>Puts the integer layers in the place of a model's own.</summary>
    /// <param name="model">In float32 on the CPU, as it was loaded.</param>
    /// <returns>What is in use, in a few words, for a status line.</returns>
    /// <exception cref="InvalidDataException">Where it was made from another base; the model is as before.</exception>
    /// <exception cref="ArgumentException">Where the model is quantized already, or not in float32 on the CPU; it is as before.</exception>
    public string UseIn(DiffusionModel model)
    {
        foreach ((string part, QuantizedNetwork network) in networks)
        {
            network.Check(model.Parts.TryGetValue(part, out Module? own) ? own
                : throw new InvalidDataException($"The quantization is of a '{part}', which the model '{model.Name}' does not have: it belongs to another base."));
        }

        return string.Join("; ", networks.Select(network => $"{network.Key}: {network.Value.UseIn(model.Parts[network.Key])}"));
    }

    /// <summary>Writes the file; it is whole or absent.</summary>
    /// <exception cref="IOException">Where it cannot be written.</exception>
    public void Save(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { [KindKey] = Kind };
        foreach ((string part, QuantizedNetwork network) in networks)
        {
            metadata[part + Base] = network.BaseFingerprint;
            metadata[part + Bits] = network.WeightBits.ToString(CultureInfo.InvariantCulture);
            foreach (QuantizedLayer layer in network.Layers)
            {
                string name = $"{part}.{layer.Path}";
                tensors[name + Weight] = layer.Weights;
                tensors[name + Scale] = layer.Scales;
                tensors[name + Input] = tensor(new[] { layer.Input.Scale, layer.Input.ZeroPoint, layer.Input.Levels });
            }
        }

        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>Reads a file.</summary>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where it is no quantization, or broken; says why.</exception>
    public static QuantizedModel Load(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault(KindKey) != Kind)
        {
            throw new InvalidDataException($"'{path}' is no quantization: it was not written by \"millrace quantize\".");
        }

        var found = new Dictionary<string, QuantizedNetwork>(StringComparer.Ordinal);
        var layers = new List<QuantizedLayer>();
        try
        {
            foreach (string part in file.Metadata.Keys.Where(key => key.EndsWith(Base, StringComparison.Ordinal)).Select(key => key[..^Base.Length]))
            {
                layers = [];
                foreach (SafetensorsEntry entry in file.Entries.Where(entry => entry.Name.StartsWith(part + ".", StringComparison.Ordinal) && entry.Name.EndsWith(Weight, StringComparison.Ordinal)))
                {
                    layers.Add(Read(file, entry, entry.Name[(part.Length + 1)..^Weight.Length]));
                }

                int bits = int.TryParse(file.Metadata.GetValueOrDefault(part + Bits), NumberStyles.None, CultureInfo.InvariantCulture, out int said) ? said
                    : throw new InvalidDataException($"'{path}' does not say the bits of the weights of '{part}'.");
                found.Add(part, new QuantizedNetwork(file.Metadata[part + Base], bits, layers));
            }

            return new QuantizedModel(found);
        }
        catch
        {
            layers.ForEach(layer => layer.Dispose());
            found.Values.ToList().ForEach(network => network.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (QuantizedNetwork network in networks.Values)
        {
            network.Dispose();
        }
    }

    private static QuantizedLayer Read(SafetensorsFile file, SafetensorsEntry weight, string layer)
    {
        string stem = weight.Name[..^Weight.Length];
        using DisposeScope scope = NewDisposeScope();
        if (weight.Type != ScalarType.Int8 || !file.Contains(stem + Scale) || !file.Contains(stem + Input) || file[stem + Input].Count != 3)
        {
            throw new InvalidDataException($"'{file.Path}': the layer '{stem}' is broken: it needs int8 weights, scales, and three numbers of its input.");
        }

        Tensor weights = file.Read(weight.Name), scales = file.Read(stem + Scale, float32);
        double[] input = [.. file.Read(stem + Input, float64).data<double>()];
        bool allowed = input[0] > 0 && double.IsFinite(input[0]) && input[2] is >= 2 and <= 256 && input[1] >= 0 && input[1] < input[2];
        return allowed && scales.isfinite().all().item<bool>()
            ? new QuantizedLayer(layer, weights.DetachFromDisposeScope(), scales.DetachFromDisposeScope(), new UniformQuantizer(input[0], (int)input[1], (int)input[2]))
            : throw new InvalidDataException($"'{file.Path}': the scales of the layer '{stem}' are not finite, or its levels not allowed.");
    }
}
