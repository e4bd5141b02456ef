using Millrace.Evaluation;
using Millrace.Models.Layers;
using Millrace.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>The judge of the emoji model: names the subgroup of a picture. It never enters the training of what it judges.</summary>
internal static class EmojiJudge
{
    private const int BatchSize = 256;
    private static readonly Augmentation Moves = new(Untouched: 0.2, MinimumScale: 0.6);

    /// <summary>The names of the classes, sorted.</summary>
    public static string[] Labels(EmojiSet set) => [.. set.Pictures.Select(picture => picture.Subgroup).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Trains a judge.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="fold">Every fifth picture, counted from this one, is held out; null trains on all.</param>
    /// <param name="steps">Optimizer steps.</param>
    /// <param name="folder">For the run.</param>
    /// <param name="device">Where.</param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <returns>The judge, with averaged weights, and its accuracy on the pictures held out, or on all.</returns>
    public static (PictureClassifier Judge, Proportion Accuracy) Train(
        EmojiSet set, int? fold, long steps, string folder, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        string[] labels = Labels(set);
        using var initial = new Generator(1);
        PictureClassifier judge = new ConvolutionalClassifier(labels.Length).Initialize(initial).to(device);
        using Tensor pictures = set.Pixels.to(device, copy: true);
        using Tensor classes = ClassesOf(set).to(device);
        long[] all = [.. Enumerable.Range(0, set.Pictures.Count).Select(row => (long)row)];
        using Tensor seen = tensor(all.Where(row => row % 5 != fold).ToArray(), device: device);
        using Tensor judged = fold is null ? seen.alias() : tensor(all.Where(row => row % 5 == fold).ToArray(), device: device);

        (Tensor, Tensor) Batch(long seed)
        {
            using var random = new SeededRandom(seed, device);
            Tensor rows = seen.index_select(0, random.Integers(seen.shape[0], BatchSize));
            Tensor images = Moves.Apply(pictures.index_select(0, rows), random);
            Tensor contrast = random.Between(0.8, 1.2, BatchSize, 3, 1, 1);
            Tensor blurred = nn.functional.avg_pool2d(images, 3, stride: 1, padding: 1, count_include_pad: false);
            images = lerp(images, blurred, random.Uniform(BatchSize, 1, 1, 1));
            return ((images.TakenFrom(1) * contrast).TakenFrom(1).Clamped(-1, 1), classes.index_select(0, rows));
        }

        var options = new TrainerOptions { Steps = steps, LearningRate = 2e-3, WeightDecay = 0.05, LogEvery = 200, PreviewEvery = steps, CheckpointEvery = steps };
        using var trainer = new Trainer(new ClassificationObjective(judge, Batch, (_, _) => { }), options, folder);
        trainer.Run(seed: 5, progress, cancellation);
        trainer.UseAverage();
        using var scope = NewDisposeScope();
        Tensor found = judge.Classify(pictures.index_select(0, judged).to(float32).Times(1.0 / 127.5).Plus(-1));
        int right = (int)(found == classes.index_select(0, judged).cpu()).sum().item<long>();
        return (judge, new Proportion(right, (int)judged.shape[0]));
    }

    /// <summary>The class of each picture, [N], int64.</summary>
    public static Tensor ClassesOf(EmojiSet set)
    {
        string[] labels = Labels(set);
        return tensor(set.Pictures.Select(picture => (long)Array.BinarySearch(labels, picture.Subgroup, StringComparer.Ordinal)).ToArray());
    }
}
