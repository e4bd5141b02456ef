using Millrace.Models.Layers;
using Millrace.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>Trains a judge of one's own: a small network that tells classes of pictures apart, and must not take part in the training of what it judges.</summary>
public static class JudgeTraining
{
    /// <summary>Trains, or goes on with the run that the folder holds. Classes are shown equally often, however many pictures each has.</summary>
    /// <param name="pixels">[N, 3, H, W], bytes.</param>
    /// <param name="classes">The class of each picture; at least two names, each with at least two pictures.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">For checkpoint, log and loss plot.</param>
    /// <param name="device">Where; null means the CPU.</param>
    /// <param name="progress">Told at every entry of the log.</param>
    /// <param name="cancellation">Ends the run after the step in hand.</param>
    /// <returns>The judge, on the CPU, and how often it is right about pictures that were held out; null where it was cancelled.</returns>
    /// <exception cref="ArgumentException">Where an option is out of range, or there are too few classes or pictures of one.</exception>
    public static (PictureJudge Judge, Proportion HeldOut)? Train(
        Tensor pixels, IReadOnlyList<string> classes, JudgeTrainingOptions options, string folder, Device? device = null, IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        device ??= CPU;
        string[] labels = [.. classes.Distinct().Order(StringComparer.Ordinal)];
        long[][] members = [.. labels.Select(label => (long[])[.. classes.Index().Where(one => one.Item == label).Select(one => (long)one.Index)])];
        Check(labels, members);
        bool Held(int place) => place % options.HoldOutEvery == options.HoldOutEvery - 1;
        long[][] shown = [.. members.Select(rows => rows.Length < options.HoldOutEvery ? rows[..^1] : (long[])[.. rows.Where((_, place) => !Held(place))])];
        using var scope = NewDisposeScope();
        Tensor source = pixels.to(device), rows = tensor(shown.SelectMany(one => one).ToArray(), device: device);
        Tensor counts = tensor(shown.Select(one => (float)one.Length).ToArray(), device: device), starts = counts.cumsum(0).Minus(counts);
        (Tensor Images, Tensor Labels) Batch(long seed)
        {
            using var random = new SeededRandom(seed, device);
            Tensor label = random.Integers(labels.Length, options.Batch);
            Tensor place = starts.index_select(0, label).Plus((counts.index_select(0, label) * random.Uniform(options.Batch)).floor()).to(int64);
            return (options.Augmentation.Apply(Scaled(source.index_select(0, rows.index_select(0, place))), random), label);
        }

        using var initial = new Generator((ulong)options.Seed);
        PictureClassifier network = PictureClassifier.Create(options.Architecture, labels.Length).Initialize(initial).to(device);
        bool done;
        try
        {
            using var trainer = new Trainer(new ClassificationObjective(network, Batch, (_, _) => { }), options.Trainer, folder);
            done = trainer.Run(options.Seed, progress, cancellation);
            trainer.UseAverage();
        }
        catch
        {
            network.Dispose();
            throw;
        }

        if (!done)
        {
            network.Dispose();
            return null;
        }

        var judge = new PictureJudge(network.to(CPU), labels);
        long[] held = [.. members.SelectMany((one, label) => one.Except(shown[label]))];
        return (judge, judge.Agreement(Scaled(pixels.index_select(0, tensor(held))), [.. held.Select(row => classes[(int)row])]));
    }

    private static Tensor Scaled(Tensor bytes) => bytes.to(float32).Times(2 / 255.0).Plus(-1);

    private static void Check(string[] labels, long[][] members)
    {
        int lonely = Array.FindIndex(members, rows => rows.Length < 2);
        if (labels.Length < 2 || lonely >= 0)
        {
            throw new ArgumentException(labels.Length < 2
                ? $"A judge tells classes apart: there must be at least two, got {labels.Length}."
                : $"Class '{labels[lonely]}' has one picture: it needs another that is held out.");
        }
    }
}
