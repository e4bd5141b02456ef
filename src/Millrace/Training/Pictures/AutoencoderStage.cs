using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Training.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>First stage: an autoencoder for the pictures, whose latents the denoiser then works in.</summary>
internal static class AutoencoderStage
{
    private const int Measured = 256;

    /// <summary>Trains, or goes on training.</summary>
    /// <returns>The autoencoder with averaged weights, its latents scaled to unit variance; null where it was cancelled.</returns>
    public static AutoencoderTiny? Train(
        PictureSet set, PictureBatches batches, PictureTrainingOptions options, string folder, Device device, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        using var initial = new Generator((ulong)options.Seed);
        AutoencoderTinyOptions shape = new PictureShapes(options.Size, options.Network).Autoencoder;
        using AutoencoderTiny network = new AutoencoderTiny(shape).Initialize(initial).to(device);
        Tensor Batch(TrainingDraw draw)
        {
            using var random = new SeededRandom(draw.Seed, device);
            (Tensor images, _, draw.Samples) = batches.Draw(random);
            return images;
        }

        var objective = new ReconstructionObjective(network, Batch, options.BFloat16 ? bfloat16 : float32, (_, _) => { });
        using var trainer = new Trainer(objective, options.Autoencoder, folder);
        if (!trainer.Run(options.Seed, progress, cancellation))
        {
            return null;
        }

        trainer.UseAverage();
        var scaled = new AutoencoderTiny(shape with { ScalingFactor = Scale(network, set, device) });
        scaled.load_state_dict(network.state_dict());
        return scaled.to(device);
    }

    // Latents of unit variance are what the noise levels of a process are made for.
    private static double Scale(AutoencoderTiny network, PictureSet set, Device device)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor rows = TensorArithmetic.Indices(Math.Min(Measured, set.Names.Count));
        double deviation = network.Encode(set.Pictures(rows).to(device)).std().item<float>();
        return deviation > 0 ? Math.Round(1 / deviation, 4) : 1;
    }
}
