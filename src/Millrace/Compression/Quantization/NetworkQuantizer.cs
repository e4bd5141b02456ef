using Millrace.Compression.Calibration;
using Millrace.Distillation;
using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Quantization;

/// <summary>
/// Quantizes the convolutions and matrix products of a network after its training: ranges of the weights first, then those of the
/// inputs, found while the network sees calibration rows with everything before already rounded (PTQ4DM, arXiv 2211.15736).
/// </summary>
/// <remarks>The paper rounds what leaves a layer; here it is what enters, since the instructions take integers there, and norm and nonlinearity lie between.</remarks>
public static class NetworkQuantizer
{
    /// <summary>Quantizes a denoising network; it is as before afterwards.</summary>
    /// <param name="network">Float32, on the CPU, as it was loaded: not prepared for inference.</param>
    /// <param name="denoiser">Asks <paramref name="network"/>.</param>
    /// <param name="rows">What it is asked.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the rows done.</param>
    /// <param name="cancellation">Ends it between two calls.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range, the network is quantized already or not float32 on the CPU, nothing in it is worth it, or NaN appears.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static QuantizedNetwork Quantize(
        Module network, IDenoiser denoiser, CalibrationSet rows, QuantizationOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default) =>
        Quantize(network, () => rows.Show(denoiser, options.Batch, progress, cancellation), options);

    /// <summary>Quantizes any network.</summary>
    /// <param name="network">Float32, on the CPU, as it was loaded.</param>
    /// <param name="run">Shows it the calibration rows, some at a time.</param>
    /// <param name="options">How.</param>
    /// <inheritdoc cref="Quantize(Module, IDenoiser, CalibrationSet, QuantizationOptions, IProgress{long}, CancellationToken)" path="/returns"/>
    /// <inheritdoc cref="Quantize(Module, IDenoiser, CalibrationSet, QuantizationOptions, IProgress{long}, CancellationToken)" path="/exception"/>
    public static QuantizedNetwork Quantize(Module network, Action run, QuantizationOptions options)
    {
        options.Validate();
        QuantizedNetwork.CheckPlain(network);
        using IDisposable gradients = no_grad();
        string fingerprint = WeightFingerprint.Of(network);
        var layers = new List<LayerCalibration>();
        var hooks = new List<Action>();
        try
        {
            foreach ((string path, Module module) in network.named_modules())
            {
                if (module is IQuantizableLayer layer && module is Module<Tensor, Tensor> called)
                {
                    var calibration = new LayerCalibration(path, layer, options);
                    layers.Add(calibration);
                    hooks.Add(called.register_forward_pre_hook((_, input) => calibration.Observe(input)).remove);
                }
            }

            run();
            QuantizedLayer[] found = [.. layers.Select(layer => layer.Finish()).OfType<QuantizedLayer>()];
            return found.Length > 0
                ? new QuantizedNetwork(fingerprint, options.WeightBits, found)
                : throw new ArgumentException($"No layer of this {network.GetName()} has {options.LeastOperations} multiply-adds a row and {options.LeastChannels} channels: nothing is worth quantizing.", nameof(network));
        }
        finally
        {
            hooks.ForEach(remove => remove());
            layers.ForEach(layer => layer.Dispose());
        }
    }
}
