using System.Text.Json;
using Millrace.Compression.Accounts;
using Millrace.Compression.LayerPruning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Recovery;
using Millrace.Compression.Redundancy;
using Millrace.Compression.Segments;
using Millrace.Evaluation;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.ASdmRedundancy;

/// <summary>A quarter of a U-Net's time removed in rounds, and each part that shall make up for it switched on by itself.</summary>
public sealed class ASdmRedundancyRecipe : Recipe
{
    private const string Whole = "whole network", OneShot = "removed at once", Rounds = "removed in rounds", Longer = "in rounds, trained on", Experts = "in rounds, experts", Regions = "in rounds, windows and pools", Meaning = "in rounds, meaning", All = "in rounds, all three";
    private const string Distance = "Frechet distance", Error = "mean square error of predictions", Agreement = "class as the whole network's, same noise", Time = "time of a call over the whole network, 32 x 32", Operations = "operations over the whole network, 32 x 32";
    private const string Unit = "attention of windows and pools", UnitTime = "time over whole attention, 1,024 tokens";
    private const int TeacherSteps = 1000, Steps = 240, MoreSteps = 120, RoundCount = 3, States = 512, Pictures = 400, TimedSide = 32, TimedRows = 4;
    private const double TimeShare = 0.25, RoundShare = 0.15;

    private static readonly RegionalAttentionOptions Grid = new() { Window = 4, Pooling = 2 };
    private static readonly string[] Finest = ["down_blocks.0.attentions", "up_blocks.1.attentions"];

    /// <inheritdoc/>
    public override string Name => "a-sdm-redundancy-removal";

    /// <inheritdoc/>
    public override string Title => "A-SDM: Accelerating Stable Diffusion through Redundancy Removal and Performance Optimization";

    /// <inheritdoc/>
    public override string Source => "arXiv 2312.15516";

    /// <inheritdoc/>
    public override string Claim => "The layers that take the most time for what they give go in rounds with training between; experts of their kernels, attention of windows and pooled tokens and a loss on meaning make up for them.";

    /// <inheritdoc/>
    public override string Experiment =>
        "8 x 8 pictures of six shapes; a flow of a U-Net of two resolutions, three residual blocks each, attention at both. Layers are ranked by damage a millisecond, times are those at 32 x 32 pixels, where the finest attention has 1,024 tokens, four rows. 240 steps of recovery at once or over three rounds, then 120 more for each part. Parts are reconstructed: the paper gives no formulas.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("Frechet distance, removed in rounds over at once, equal steps", 0.95, found => found[Rounds, Distance] / found[OneShot, Distance]),
        new("error of predictions, experts over plain convolutions", 0.98, found => found[Experts, Error] / found[Longer, Error]),
        new("time of attention, windows and pools over whole, 1,024 tokens", 0.7, found => found[Unit, UnitTime]),
        new("error of predictions, windows and pools over whole attention", 1.05, found => found[Regions, Error] / found[Longer, Error]),
        new("class as the whole network's, with meaning less without", 0.01, found => found[Meaning, Agreement] - found[Longer, Agreement]) { AtLeast = true },
        new("time of a call, all three over the whole network", 0.82, found => found[All, Time]),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int pictures = Math.Max(12, context.Steps(Pictures)), repeats = Math.Max(3, context.Steps(60));
        using UNet2DModel teacher = PictureWorld.UNet(context.Seed);
        Dictionary<string, double> times = Times(context, teacher, repeats);
        using PictureClassifier judge = context.Judge();
        context.Teach("teacher", teacher, TeacherSteps);
        using Tensor drawn = PictureWorld.Sample(teacher, pictures, context.Seed + 300), shown = judge.Classify(drawn);
        Measure(Whole, teacher);

        context.Progress.Report("ranking layers");
        var segments = BackboneSegments.Of(teacher);
        IReadOnlyList<string> layers;
        using (var states = EvaluationStates.Draw(FlowSampling.Process, PictureShapes.Independent(Math.Max(32, context.Steps(128))), context.Seed + 100))
        using (var sensitivity = new LayerSensitivity(teacher, states))
        {
            IReadOnlyList<LayerDamage> damages = sensitivity.Measure(segments.Layers.Where(layer => layer.Parent is null).Select(layer => layer.Name), cancellation: context.Cancellation);
            layers = LayerRedundancy.Until(LayerRedundancy.Rank(segments, damages, times), TimeShare);
        }

        int steps = context.Steps(Steps), round = Math.Max(1, (int)(RoundShare * steps));
        using (UNet2DModel once = Removal.Apply(teacher, HardMask.Of(segments, layers, keepShortcuts: true)))
        {
            Recover("once", once, steps);
            Measure(OneShot, once);
        }

        using UNet2DModel left = ProgressiveRemoval.Run(
            teacher, ProgressiveRemoval.Rounds(layers, RoundCount),
            (UNet2DModel student, Module? trained, int number) => Recover($"round-{number}", student, trained is null ? Math.Max(1, steps - (RoundCount * round)) : round, trained),
            keepShortcuts: true);
        Measure(Rounds, left);

        string[] finest = [.. BackboneSegments.Of(left).Layers.Select(layer => layer.Name).Where(name => Finest.Any(stage => name.StartsWith(stage, StringComparison.Ordinal)))];
        Continue(Longer, "longer", () => Removal.Apply(left, HardMask.Of(BackboneSegments.Of(left), [])));
        Continue(Experts, "experts", () => Restructuring.WithInheritedExperts(left, teacher));
        Continue(Regions, "regions", () => Restructuring.WithRegions(left, finest, Grid));
        Continue(Meaning, "meaning", () => Removal.Apply(left, HardMask.Of(BackboneSegments.Of(left), [])), semantics: true);
        Continue(
            All, "all",
            () =>
            {
                using UNet2DModel mixed = Restructuring.WithInheritedExperts(left, teacher);
                return Restructuring.WithRegions(mixed, finest, Grid);
            },
            semantics: true);
        found[Unit, UnitTime] = AttentionTime(repeats);
        return found;

        void Recover(string folder, UNet2DModel student, int count, Module? trained = null, bool semantics = false) => context.Train(
            folder,
            new RecoveryObjective<UNet2DModel>(
                student, teacher, PredictionType.Flow, FlowSampling.Process, PictureShapes.Independent(PictureWorld.Batch), new RecoveryOptions { Semantics = semantics ? 0.1 : 0 })
            {
                Trained = trained,
                Meaning = semantics ? new JudgeFeatures(judge) : null,
            },
            PictureWorld.Options(count, learningRate: 1e-3));

        void Continue(string arm, string folder, Func<UNet2DModel> from, bool semantics = false)
        {
            using UNet2DModel student = from();
            Recover(folder, student, context.Steps(MoreSteps), semantics: semantics);
            Measure(arm, student);
        }

        void Measure(string arm, UNet2DModel network)
        {
            using Tensor own = PictureWorld.Sample(network, pictures, context.Seed + 300), names = judge.Classify(own), same = names.eq(shown);
            found[arm, Distance] = PictureWorld.Frechet(judge, own, context.Seed + 301);
            found[arm, Agreement] = same.to(float32).mean().item<float>();
            found[arm, Error] = PredictionError(network, context);
            using Tensor x = zeros(TimedRows, PictureShapes.Channels, TimedSide, TimedSide), t = TensorArithmetic.Filled(500, null, TimedRows);
            using Conditioning conditioning = new(empty([TimedRows, 0, 0])) { ClassLabels = PictureWorld.Classes(TimedRows) };
            IReadOnlyList<double> both = NetworkAccount.Milliseconds([network, teacher], x, t, conditioning, repeats);
            found[arm, Time] = both[0] / both[1];
            found[arm, Operations] = OperationAccount.Of(network, x, t, conditioning).Total / OperationAccount.Of(teacher, x, t, conditioning).Total;
        }
    }

    /// <summary>Mean square error on held-out pictures.</summary>
    private static double PredictionError(UNet2DModel network, RecipeContext context)
    {
        using IDisposable noGrad = no_grad();
        using Tensor loss = new RegressionObjective(
            network, new AutogradDenoiser(network, PredictionType.Flow, ScalarType.Float32), FlowSampling.Process, PictureShapes.Independent(Math.Max(32, context.Steps(States))))
            .Loss(new TrainingDraw(0, context.Seed + 400));
        return loss.item<float>();
    }

    /// <summary>Milliseconds of every layer, measured once for all seeds: the same layers go however often a run is taken up again.</summary>
    private static Dictionary<string, double> Times(RecipeContext context, UNet2DModel network, int repeats)
    {
        string path = Path.Combine(Path.GetDirectoryName(context.Folder)!, "layer-times.json");
        if (!File.Exists(path))
        {
            using Tensor x = zeros(TimedRows, PictureShapes.Channels, TimedSide, TimedSide), t = TensorArithmetic.Filled(500, null, TimedRows);
            using Conditioning conditioning = new(empty([TimedRows, 0, 0])) { ClassLabels = PictureWorld.Classes(TimedRows) };
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, JsonSerializer.Serialize(LayerTimes.Of(network, x, t, conditioning, repeats)));
        }

        return JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(path))!;
    }

    private static double AttentionTime(int repeats)
    {
        using UNet2DModel whole = OneAttention(), regional = Restructuring.WithRegions(whole, ["mid_block.attentions.0"], new RegionalAttentionOptions { Window = 8, Pooling = 4 });
        using Tensor x = zeros(TimedRows, 64, TimedSide, TimedSide);
        Func<Tensor> Call(UNet2DModel of)
        {
            var attention = (Module<Tensor, Tensor>)of.named_modules().First(part => part.name == "mid_block.attentions.0").module;
            return () => attention.call(x);
        }

        IReadOnlyList<double> times = NetworkAccount.Milliseconds([Call(regional), Call(whole)], repeats);
        return times[0] / times[1];
    }

    private static UNet2DModel OneAttention() => new UNet2DModel(new UNet2DOptions
    {
        BlockOutChannels = [64],
        DownBlockTypes = [UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain],
        LayersPerBlock = 1,
        AttentionHeadDim = 16,
    }).Initialize(new Generator(1));

    /// <summary>What the judge sees, under autograd.</summary>
    private sealed class JudgeFeatures : Module<Tensor, Tensor>
    {
        private readonly PictureClassifier _judge;

        public JudgeFeatures(PictureClassifier judge)
            : base(nameof(JudgeFeatures))
        {
            _judge = judge;
            eval();
        }

        public override Tensor forward(Tensor images) => _judge.call(images);
    }
}
