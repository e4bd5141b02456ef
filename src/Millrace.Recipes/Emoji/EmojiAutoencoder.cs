using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>First stage of the emoji model: a tiny autoencoder, 64 x 64 pixels to 16 x 16 x 8 latents.</summary>
internal static class EmojiAutoencoder
{
    private const int Side = 64;
    private const int BatchSize = 32;
    private const int SketchesInBatch = 6;

    /// <summary>Shape of the network.</summary>
    public static AutoencoderTinyOptions Shape { get; } = new()
    {
        LatentChannels = 8,
        EncoderBlockOutChannels = [32, 32, 32], DecoderBlockOutChannels = [32, 32, 32],
        NumEncoderBlocks = [1, 2, 2], NumDecoderBlocks = [2, 2, 1],
    };

    /// <summary>Trains, or goes on training.</summary>
    public static void Train(EmojiSet set, string folder, long steps, ScalarType precision, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        using var initial = new Generator(1);
        using AutoencoderTiny network = new AutoencoderTiny(Shape).Initialize(initial);
        using Tensor sketches = SketchPictures.Draw(2048, Side, seed: 1);
        Tensor Batch(long seed)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)seed);
            Tensor chosen = set.Pixels.index_select(0, randint(set.Pictures.Count, [BatchSize - SketchesInBatch], int64, generator: generator));
            Tensor drawn = sketches.index_select(0, randint(sketches.shape[0], [SketchesInBatch], int64, generator: generator));
            return Augmentation.Apply(cat([chosen, drawn], 0), generator).MoveToOuterDisposeScope();
        }

        void Preview(string path, long step)
        {
            using var scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Tensor image = cat([(set.Pixels.slice(0, 0, set.Pictures.Count, set.Pictures.Count / 32)[..32].to(float32) / 127.5) - 1, (sketches[..8].to(float32) / 127.5) - 1], 0);
            Tensor decoded = network.Decode(network.Encode(image)).clamp(-1, 1);
            double error = (decoded[..32] - image[..32]).square().mean().item<float>();
            Console.WriteLine($"autoencoder step {step}: PSNR {10 * Math.Log10(4 / error):F2} dB");
            PictureGrid.Save(stack([image, decoded], 1).flatten(0, 1), 16, Path.Combine(path, "preview.png"));
        }

        var objective = new ReconstructionObjective(network, Batch, precision, Preview);
        var options = new TrainerOptions { Steps = steps, LearningRate = 2e-3, WarmupSteps = 50, CheckpointEvery = 200, PreviewEvery = 200, LogEvery = 20, AverageDecay = 0.995 };
        using var trainer = new Trainer(objective, options, folder);
        trainer.Run(seed: 1, progress, cancellation);
    }
}
