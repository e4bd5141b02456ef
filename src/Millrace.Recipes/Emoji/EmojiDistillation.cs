using Millrace.Checkpoints;
using Millrace.Distillation;
using Millrace.Distillation.Adversarial;
using Millrace.Models.TextEncoders;
using Millrace.Recipes.Emoji.Compositions;
using Millrace.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Last stage of the emoji model: a student that begins as its teacher learns what the teacher makes of noise in many guided steps,
/// in one call and in two, and goes on learning from pictures under strokes; its weights then go half of the way back to its teacher's.
/// </summary>
internal static class EmojiDistillation
{
    // The student draws better from noise, the teacher from strokes; half way between their weights, which are near each other, both hold.
    private const double BackToTheTeacher = 0.5;

    private static readonly Augmentation InPlace = new(Untouched: 1, MinimumScale: 1);
    private static readonly Augmentation WhereTheStrokesAre = new(Untouched: 0.3, MinimumScale: 0.6);

    /// <summary>Makes the teacher's pairs, or goes on with those of the run, and learns them; writes the result.</summary>
    public static void Distil(
        EmojiSet set, EmojiPlan plan, string run, string teacher, string model, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        var load = new LoadOptions { Device = device };
        using StableDiffusionParts teaching = DiffusersFolder.LoadParts(teacher, load), parts = DiffusersFolder.LoadParts(teacher, load);
        foreach (Parameter parameter in teaching.UNet.parameters().Concat(teaching.TextModel.parameters()))
        {
            parameter.requires_grad_(false);
        }

        using var network = new TextConditionalNetwork(parts.UNet, parts.TextModel);
        using var examples = new EmojiExamples(
            set, [.. CompositionBook.Of(set).Where(composition => !composition.IsHeldOut)], new ClipTextEncoder(teaching.TextModel, teaching.Tokenizer), device);
        using EmojiPairs pairs = EmojiPairs.Make(
            examples, teaching, plan.Pairs, Path.Combine(Directory.CreateDirectory(run).FullName, "pairs.safetensors"), device, cancellation);
        int half = plan.StudentBatch / 2;
        var pictures = new EmojiBatches(examples, parts.Autoencoder, new TimestepGrid(), plan.StudentBatch - half, InPlace, WhereTheStrokesAre, device);
        using var batches = new EmojiFewStepBatches(network, teaching.TextModel, pairs, half, pictures, parts.Process, device);
        var preview = new EmojiPreview(set, parts, device);
        void Preview(string folder, long step)
        {
            preview.Save(folder, step);
            DiffusersFolder.Save(model, parts, float16);
        }

        using var trainer = new Trainer(new PairObjective(network, batches.Draw, Preview), Options(plan.DistillationSteps), Path.Combine(run, "distil"));
        if (trainer.Run(seed: 4, progress, cancellation))
        {
            trainer.WithAverage(() =>
            {
                WeightArithmetic.AddDifference(parts.UNet, teaching.UNet, parts.UNet, BackToTheTeacher);
                WeightArithmetic.AddDifference(parts.TextModel, teaching.TextModel, parts.TextModel, BackToTheTeacher);
                DiffusersFolder.Save(model, parts, float16);
            });
        }
    }

    private static TrainerOptions Options(long steps) => new()
    {
        Steps = steps,
        LearningRate = 4e-4,
        WarmupSteps = 100,
        FinalLearningRateRatio = 0.05,
        CheckpointEvery = 1000,
        PreviewEvery = 1000,
        LogEvery = 100,
        AverageDecay = 0.995,
    };

    /// <summary>Draws the student to what it should have made.</summary>
    private sealed class PairObjective(TextConditionalNetwork network, GeneratedBatches batches, Action<string, long> preview) : IObjective
    {
        public IReadOnlyList<Player> Players => [new Player("denoiser", network, Loss)];

        public void Preview(string folder, long step) => preview(folder, step);

        private Tensor Loss(TrainingDraw draw)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
            GeneratedBatch batch = batches(draw.Step, random);
            return batch.Generated.Minus(batch.Real).Squared().mean().MoveToOuterDisposeScope();
        }
    }
}
