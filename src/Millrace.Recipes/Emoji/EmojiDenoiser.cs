using Millrace.Checkpoints;
using Millrace.Models.TextEncoders;
using Millrace.Recipes.Emoji.Compositions;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Second and third stage of the emoji model: the denoiser with its text encoder. First every picture is moved about. Then
/// only those are that are started from strokes, which show the place; from pure noise a prompt then leaves little open, so
/// that few steps are enough for a sharp picture.
/// </summary>
internal static class EmojiDenoiser
{
    private static readonly Augmentation Anywhere = new(Untouched: 0.5, MinimumScale: 0.6);
    private static readonly Augmentation InPlace = new(Untouched: 1, MinimumScale: 1);
    private static readonly Augmentation WhereTheStrokesAre = new(Untouched: 0.3, MinimumScale: 0.6);

    /// <summary>Learns the tokenizer and trains with pictures moved anywhere, or goes on training; writes the result.</summary>
    public static void Learn(EmojiSet set, EmojiPlan plan, string run, string model, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        using StableDiffusionParts parts = EmojiModel.Begin(EmojiModel.TrainTokenizer(set), model, device);
        Train(parts, Anywhere, Anywhere, set, plan, Path.Combine(run, "denoiser"), model, device, Options(plan.DenoiserSteps, 1e-3), progress, cancellation);
    }

    /// <summary>Goes on from <see cref="Learn"/> with the pictures in place unless strokes show another; writes the result.</summary>
    public static void Settle(EmojiSet set, EmojiPlan plan, string run, string model, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        using StableDiffusionParts parts = DiffusersFolder.LoadParts(model, new LoadOptions { Device = device });
        Train(parts, InPlace, WhereTheStrokesAre, set, plan, Path.Combine(run, "settling"), model, device, Options(plan.SettlingSteps, 5e-4), progress, cancellation);
    }

    private static TrainerOptions Options(long steps, double rate) => new()
    {
        Steps = steps,
        LearningRate = rate,
        WarmupSteps = 100,
        FinalLearningRateRatio = 0.01,
        WeightDecay = 0.01,
        CheckpointEvery = 2000,
        PreviewEvery = 1000,
        LogEvery = 100,
        AverageDecay = 0.999,
    };

    private static void Train(
        StableDiffusionParts parts, Augmentation fromNoise, Augmentation fromStrokes, EmojiSet set, EmojiPlan plan, string run, string model,
        Device device, TrainerOptions options, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        using var network = new TextConditionalNetwork(parts.UNet, parts.TextModel);
        var encoder = new ClipTextEncoder(parts.TextModel, parts.Tokenizer);
        using var examples = new EmojiExamples(set, [.. CompositionBook.Of(set).Where(composition => !composition.IsHeldOut)], encoder, device);
        var batches = new EmojiBatches(examples, parts.Autoencoder, new TimestepGrid(), plan.DenoiserBatch, fromNoise, fromStrokes, device);
        var preview = new EmojiPreview(set, parts, device);
        void Preview(string folder, long step)
        {
            preview.Save(folder, step);
            DiffusersFolder.Save(model, parts, float16);
        }

        using var objective = new DenoisingObjective(network, parts.Process, batches.Draw, plan.Precision, Preview);
        using var trainer = new Trainer(objective, options, run);
        trainer.Run(seed: 2, progress, cancellation);
    }
}
