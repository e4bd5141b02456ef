using Millrace.Checkpoints;
using Millrace.Compression.Calibration;
using Millrace.Models.TextEncoders;
using Millrace.Solvers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Quantization;

/// <summary>Quantizes the denoising network and the autoencoder of a model on what the model itself samples; no data is needed.</summary>
public static class ModelQuantizer
{
    private const int AutoencoderPictures = 32, AutoencoderBatch = 4, EmptyEvery = 4;

    private static readonly string[] Subjects =
    [
        "a red apple", "a cat", "a sunflower", "a smiling face", "a blue car", "a house", "a dog", "a slice of pizza", "an umbrella", "a star", "a fish",
        "the moon at night", "a tree", "a clock", "a rocket", "a portrait of a woman", "a mountain lake", "a city street", "a cup of coffee", "a yellow flower",
        "a green leaf", "a heart", "a bird in flight", "an old man with a beard",
    ];

    /// <summary>Quantizes a model; it is as before afterwards.</summary>
    /// <param name="model">In float32 on the CPU, as it was loaded.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the rows done, of twice <see cref="ModelQuantizationOptions.Rows"/>: sampled, then shown.</param>
    /// <param name="cancellation">Ends it between two network calls.</param>
    /// <returns>The caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range, the model is not as it was loaded, or NaN appears.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static QuantizedModel Quantize(DiffusionModel model, ModelQuantizationOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        using IDisposable gradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long side = model.DefaultSize / model.Autoencoder.SpatialFactor;
        long[] shape = [model.Autoencoder.LatentChannels, side, side];
        Conditioning conditioning = model.TextEncoder.Encode(PromptsOf(model, options));
        ISolver solver = model.Scheduler.Plan(options.Steps).Solver;
        CalibrationSet rows = new CalibrationSampler(model.Denoiser, solver).Sample(conditioning, shape, options.Law, options.Seed, options.Layers.Batch, progress, cancellation);
        Tensor latents = options.Autoencoder && model.Autoencoder is Module ? Finished(model, solver, conditioning, shape, options.Seed, cancellation) : empty(0);

        var networks = new Dictionary<string, QuantizedNetwork>(StringComparer.Ordinal);
        try
        {
            var network = (Module)model.Network;
            networks[NameOf(model, network)] = NetworkQuantizer.Quantize(network, model.Denoiser, rows, options.Layers, new Behind(progress, options.Rows), cancellation);
            if (latents.numel() > 0)
            {
                var autoencoder = (Module)model.Autoencoder;
                networks[NameOf(model, autoencoder)] = NetworkQuantizer.Quantize(autoencoder, () => ThereAndBack(model.Autoencoder, latents, cancellation), options.Layers);
            }

            return new QuantizedModel(networks);
        }
        catch
        {
            networks.Values.ToList().ForEach(one => one.Dispose());
            throw;
        }
        finally
        {
            rows.Dispose();
        }
    }

    private static string[] PromptsOf(DiffusionModel model, ModelQuantizationOptions options)
    {
        IReadOnlyList<string> asked = options.Prompts.Count > 0 ? options.Prompts : model.TextEncoder switch
        {
            NoTextEncoder => [""],
            ClassLabelEncoder classes => [.. Enumerable.Range(0, classes.Classes).Select(label => label.ToString(System.Globalization.CultureInfo.InvariantCulture))],
            _ => Subjects,
        };
        return [.. Enumerable.Range(0, options.Rows).Select(row => row % EmptyEvery == EmptyEvery - 1 ? "" : asked[row % asked.Count])];
    }

    private static string NameOf(DiffusionModel model, Module network) => model.Parts.First(part => ReferenceEquals(part.Value, network)).Key;

    /// <summary>Latents of finished pictures, which the autoencoder decodes.</summary>
    private static Tensor Finished(DiffusionModel model, ISolver solver, Conditioning conditioning, long[] shape, long seed, CancellationToken cancellation)
    {
        int count = (int)Math.Min(AutoencoderPictures, conditioning.Rows);
        using var noise = new SeededNoise([.. Enumerable.Range(0, count).Select(row => seed + row)]);
        var sampler = new Sampler(model.Denoiser, solver);
        return sampler.Sample(sampler.Begin(noise.Draw, zeros([count, .. shape])), conditioning.Select(part => part.narrow(0, 0, count)), noise.Draw, cancellationToken: cancellation);
    }

    private static void ThereAndBack(IAutoencoder autoencoder, Tensor latents, CancellationToken cancellation)
    {
        for (long start = 0; start < latents.shape[0]; start += AutoencoderBatch)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            autoencoder.Encode(autoencoder.Decode(latents.narrow(0, start, Math.Min(AutoencoderBatch, latents.shape[0] - start))).Clamped(-1, 1));
        }
    }

    private sealed class Behind(IProgress<long>? progress, long before) : IProgress<long>
    {
        public void Report(long value) => progress?.Report(before + value);
    }
}
