using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>First stage of the emoji model: a tiny autoencoder.</summary>
internal static class EmojiAutoencoder
{
    private const int SketchesInEight = 2;
    private static readonly Augmentation Moves = new(Untouched: 0.2, MinimumScale: 0.6);

    /// <summary>Trains, or goes on training, and writes the result.</summary>
    public static void Train(EmojiSet set, EmojiPlan plan, string run, string model, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        using var initial = new Generator(1);
        using AutoencoderTiny network = new AutoencoderTiny(EmojiShapes.Autoencoder).Initialize(initial).to(device);
        using Tensor pictures = set.Pixels.to(device, copy: true);
        using Tensor sketches = SketchPictures.Draw(4096, EmojiShapes.Side, seed: 1).to(device);
        int sketchesInBatch = plan.AutoencoderBatch * SketchesInEight / 8;

        Tensor Batch(long seed)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(seed, device);
            Tensor chosen = pictures.index_select(0, random.Integers(pictures.shape[0], plan.AutoencoderBatch - sketchesInBatch));
            Tensor drawn = sketches.index_select(0, random.Integers(sketches.shape[0], sketchesInBatch));
            return Moves.Apply(cat([chosen, drawn], 0), random).MoveToOuterDisposeScope();
        }

        void Preview(string folder, long step)
        {
            using var scope = NewDisposeScope();
            Tensor image = cat([pictures, sketches[..256]], 0).to(float32).Times(1.0 / 127.5).Plus(-1);
            Tensor decoded = cat([.. image.split(256).Select(part => network.Decode(network.Encode(part)))], 0).Clamped(-1, 1);
            Console.WriteLine($"autoencoder step {step}: PSNR of the pictures {Psnr(decoded[..^256], image[..^256]):F2} dB, of sketches {Psnr(decoded[^256..], image[^256..]):F2} dB");
            Tensor shown = TensorArithmetic.Indices(64, device).Times(image.shape[0] / 64);
            PictureGrid.Save(stack([image.index_select(0, shown), decoded.index_select(0, shown)], 1).flatten(0, 1), 16, Path.Combine(folder, "autoencoder.png"));
        }

        var objective = new ReconstructionObjective(network, draw => Batch(draw.Seed), plan.Precision, Preview);
        var options = new TrainerOptions
        {
            Steps = plan.AutoencoderSteps,
            LearningRate = 2e-3,
            WarmupSteps = 100,
            FinalLearningRateRatio = 0.01,
            CheckpointEvery = 1000,
            PreviewEvery = 2000,
            LogEvery = 50,
            AverageDecay = 0.998,
        };
        using var trainer = new Trainer(objective, options, Path.Combine(run, "autoencoder"));
        if (trainer.Run(seed: 1, progress, cancellation))
        {
            trainer.WithAverage(() => EmojiModel.SaveAutoencoder(network, EmojiShapes.Autoencoder with { ScalingFactor = Scale(network, pictures) }, model));
        }
    }

    private static double Psnr(Tensor decoded, Tensor image) => 10 * Math.Log10(4 / decoded.Minus(image).Squared().mean().item<float>());

    // Latents of unit variance are what the noise levels of the process are made for.
    private static double Scale(AutoencoderTiny network, Tensor pictures)
    {
        using var scope = NewDisposeScope();
        Tensor latent = network.Encode(pictures[..512].to(float32).Times(1.0 / 127.5).Plus(-1));
        return Math.Round(1 / latent.std().item<float>(), 4);
    }
}
