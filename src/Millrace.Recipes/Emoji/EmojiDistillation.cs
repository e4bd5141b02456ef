using Millrace.Checkpoints;
using Millrace.Distillation.Adversarial;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Recipes.Emoji.Compositions;
using Millrace.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Last two stages of the emoji model: a student that begins as its teacher learns what the teacher makes of noise in many guided steps,
/// in one call and in two; then adversaries on the teacher's features sharpen what it makes.
/// </summary>
internal sealed class EmojiDistillation(EmojiSet set, EmojiPlan plan, string run, string teacher, string model, Device device)
{
    private const double PairWeight = 4;
    private const int Copies = 4;
    private static readonly Augmentation InPlace = new(Untouched: 1, MinimumScale: 1);
    private static readonly Augmentation WhereTheStrokesAre = new(Untouched: 0.3, MinimumScale: 0.6);

    /// <summary>Learns the teacher's pairs; writes the result.</summary>
    public void Distil(IProgress<TrainingProgress> progress, CancellationToken cancellation) =>
        Train("distil", teacher, Options(plan.DistillationSteps, 4e-4), (network, batches, _) => new PairObjective(network, batches), progress, cancellation);

    /// <summary>Goes on from <see cref="Distil"/> against adversaries; writes the result.</summary>
    public void Sharpen(IProgress<TrainingProgress> progress, CancellationToken cancellation) =>
        Train("sharpen", model, Options(plan.SharpeningSteps, 1e-4) with { Beta1 = 0.5 }, Adversarial, progress, cancellation);

    private static TrainerOptions Options(long steps, double rate) => new()
    {
        Steps = steps,
        LearningRate = rate,
        WarmupSteps = 100,
        FinalLearningRateRatio = 0.05,
        CheckpointEvery = 1000,
        PreviewEvery = 1000,
        LogEvery = 100,
        AverageDecay = 0.995,
    };

    private DynamicAdversarialObjective Adversarial(TextConditionalNetwork network, GeneratedBatches batches, StableDiffusionParts teaching)
    {
        using var first = new Generator(3);
        var options = new DynamicAdversarialOptions { PairWeight = PairWeight };
        IReadOnlyList<int> widths = teaching.UNet.Options.BlockOutChannels;
        int layers = widths.Count;
        var heads = new HeadPool(
            DynamicAdversarialObjective.Groups(options.Timesteps.Count, layers), Copies,
            group => new MapHead(widths[DynamicAdversarialObjective.LayerOf(group, layers)]), first).to(device);
        Tensor empty = new ClipTextEncoder(teaching.TextModel, teaching.Tokenizer).Encode([""]).Text.DetachFromDisposeScope();

        // The last feature of each resolution on the way down; at the coarsest, the middle.
        IReadOnlyList<Tensor> Features(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            UNetFeatures features = teaching.UNet.Encode(x, teaching.UNet.Prepare(t, conditioning));
            Tensor LastOf(int width) => features.Skips.Last(skip => skip.shape[1] == width && skip.shape[3] == x.shape[3] >> Index(width));
            return [.. widths.SkipLast(1).Select(LastOf).Append(features.Middle).Select(feature => feature.MoveToOuterDisposeScope())];
        }

        int Index(int width) => Enumerable.Range(0, layers).First(index => widths[index] == width);
        return new DynamicAdversarialObjective(
            network, batches, heads, Features, layers, teaching.Process, conditioning => new Conditioning(empty.expand_as(conditioning.Text)), options);
    }

    private void Train(
        string stage, string start, TrainerOptions options, Func<TextConditionalNetwork, GeneratedBatches, StableDiffusionParts, IObjective> objective,
        IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        var load = new LoadOptions { Device = device };
        using StableDiffusionParts teaching = DiffusersFolder.LoadParts(teacher, load), parts = DiffusersFolder.LoadParts(start, load);
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

        IObjective trained = objective(network, batches.Draw, teaching);
        using var trainer = new Trainer(new Previewed(trained, Preview), options, Path.Combine(run, stage));
        trainer.Run(seed: 4, progress, cancellation);
    }

    /// <summary>Draws the student to what it should have made.</summary>
    private sealed class PairObjective(TextConditionalNetwork network, GeneratedBatches batches) : IObjective
    {
        public IReadOnlyList<Player> Players => [new Player("denoiser", network, Loss)];

        private Tensor Loss(TrainingDraw draw)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
            GeneratedBatch batch = batches(draw.Step, random);
            return batch.Generated.Minus(batch.Real).Squared().mean().MoveToOuterDisposeScope();
        }
    }

    /// <summary>An objective with a preview.</summary>
    private sealed class Previewed(IObjective objective, Action<string, long> preview) : IObjective
    {
        public IReadOnlyList<Player> Players => objective.Players;

        public IReadOnlyList<Parameter> AfterStep(long step) => objective.AfterStep(step);

        public void Preview(string folder, long step) => preview(folder, step);
    }
}
