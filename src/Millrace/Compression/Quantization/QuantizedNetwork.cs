using Millrace.Distillation;
using Millrace.Models.Layers;
using Millrace.Runtime.Kernels.Int8;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Quantization;

/// <summary>The integer layers of one network, which take the place of its own at inference.</summary>
/// <param name="baseFingerprint">Fingerprint of the weights that were quantized; see <see cref="WeightFingerprint"/>.</param>
/// <param name="weightBits">Bits of the weights.</param>
/// <param name="layers">The layers; owned.</param>
public sealed class QuantizedNetwork(string baseFingerprint, int weightBits, IReadOnlyList<QuantizedLayer> layers) : IDisposable
{
    /// <summary>Fingerprint of the weights that were quantized.</summary>
    public string BaseFingerprint => baseFingerprint;

    /// <summary>Bits of the weights.</summary>
    public int WeightBits => weightBits;

    /// <summary>The layers.</summary>
    public IReadOnlyList<QuantizedLayer> Layers => layers;

    /// <summary>Bytes that the numbers of the layers take.</summary>
    public long Bytes => layers.Sum(layer => layer.Bytes);

    /// <summary>Puts the integer layers in the place of a network's own. The network cannot be trained afterwards; it serves any number of threads.</summary>
    /// <param name="network">The network that was quantized, float32, on the CPU, as it was loaded.</param>
    /// <returns>What is in use, in a few words, for a status line.</returns>
    /// <exception cref="InvalidDataException">Where it is another network; it is as before.</exception>
    /// <exception cref="ArgumentException">Where it is quantized already, or not float32 on the CPU; it is as before.</exception>
    public string UseIn(Module network)
    {
        Check(network);
        Dictionary<string, IQuantizableLayer> own = LayersOf(network);
        foreach (QuantizedLayer layer in layers)
        {
            UniformQuantizer input = layer.Input;
            own[layer.Path].Quantize(layer.Weights, layer.Scales, new ByteScale((float)input.Scale, input.ZeroPoint, input.Levels - 1));
        }

        return $"{layers.Count} of {own.Count} layers in int8 ({InstructionPaths.Best.Words()})";
    }

    /// <summary>Refuses what <see cref="UseIn"/> refuses, and does nothing else.</summary>
    /// <inheritdoc cref="UseIn" path="/exception"/>
    public void Check(Module network)
    {
        CheckPlain(network);
        if (WeightFingerprint.Of(network) is var found && found != baseFingerprint)
        {
            throw new InvalidDataException($"The quantization was made from weights with the fingerprint {baseFingerprint}, and those of this {network.GetName()} have {found}: it belongs to another base.");
        }

        Dictionary<string, IQuantizableLayer> own = LayersOf(network);
        string[] strange = [.. layers.Where(layer => !own.TryGetValue(layer.Path, out IQuantizableLayer? target) || !Fits(layer, target.Weight)).Select(layer => layer.Path)];
        if (strange.Length > 0)
        {
            throw new InvalidDataException($"The quantization holds layers that this {network.GetName()} lacks, or has in another shape: {string.Join(", ", strange.Take(10))}.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (QuantizedLayer layer in layers)
        {
            layer.Dispose();
        }
    }

    internal static void CheckPlain(Module network)
    {
        if (network.parameters().FirstOrDefault(parameter => parameter.dtype != float32 || parameter.device_type != TorchSharp.DeviceType.CPU) is { } other)
        {
            throw new ArgumentException($"A network must be in Float32 on the CPU to be quantized, this one is in {other.dtype} on {other.device_type}.", nameof(network));
        }

        if (network.modules().OfType<IQuantizableLayer>().Any(layer => layer.IsQuantized))
        {
            throw new ArgumentException("This network is quantized already.", nameof(network));
        }
    }

    private static Dictionary<string, IQuantizableLayer> LayersOf(Module network) => network.named_modules().Where(module => module.module is IQuantizableLayer)
        .ToDictionary(module => module.name, module => (IQuantizableLayer)module.module, StringComparer.Ordinal);

    private static bool Fits(QuantizedLayer layer, Tensor weight)
    {
        long[] shape = weight.shape.Length == 4 ? [weight.shape[0], weight.shape[2], weight.shape[3], weight.shape[1]] : weight.shape;
        return layer.Weights.shape.SequenceEqual(shape) && layer.Scales.shape.SequenceEqual([shape[0]]);
    }
}
