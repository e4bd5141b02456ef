using Millrace.Compression.Accounts;
using Millrace.Compression.MaskLearning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Segments;
using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.Transformers;
using Millrace.Recipes.Worlds;
using Millrace.Runtime;
using Millrace.Solvers;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.EcoDiff;

/// <summary>Heads and channels chosen by masks that are learned through the whole sampler, against masks of single steps, magnitudes and chance.</summary>
public sealed class EcoDiffRecipe : Recipe
{
    private const string Whole = "whole network", EndToEnd = "mask through the sampler", Stepwise = "mask of single steps", Magnitude = "magnitude", Chance = "random";
    private const string Error = "mean square change of samples", Distance = "Frechet distance", Speed = "speed over the whole network", Operations = "operations over the whole network", Memory = "peak memory over keeping all steps, 10 steps";
    private const int TeacherSteps = 2000, Updates = 120, Pairs = 64, Rows = 4, Pictures = 400, SpeedRows = 64, MemoryRows = 64;
    private const double Share = 0.2, PenaltyWeight = 0.3, Rate = 0.1;

    /// <inheritdoc/>
    public override string Name => "ecodiff";

    /// <inheritdoc/>
    public override string Title => "Effortless Efficiency: Low-Cost Pruning of Diffusion Models";

    /// <inheritdoc/>
    public override string Source => "Zhang et al. 2024, arXiv 2412.02852";

    /// <inheritdoc/>
    public override string Claim => "A fifth of the parameters go without retraining where masks over heads and channels are learned through the whole sampler, one step in memory at a time.";

    /// <inheritdoc/>
    public override string Experiment =>
        "8 x 8 pictures of six shapes; a flow of a DiT of five layers of 48 units, four heads, sampled in 10 Euler steps. Masks learn from 64 noises in 120 updates; masks of single steps see as many network calls. All arms lose a fifth of the parameters of attention and feed-forward, and nothing is retrained.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("change of samples, mask through the sampler over magnitude", 0.6, found => found[EndToEnd, Error] / found[Magnitude, Error]),
        new("change of samples, mask through the sampler over mask of single steps", 1, found => found[EndToEnd, Error] / found[Stepwise, Error]),
        new("Frechet distance, pruned over whole network", 1.15, found => found[EndToEnd, Distance] / found[Whole, Distance]),
        new("peak memory over keeping all steps, 10 steps", 0.35, found => found[EndToEnd, Memory]),
        new("speed of the pruned network over the whole one", 1.05, found => found[EndToEnd, Speed]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int pictures = Math.Max(12, context.Steps(Pictures));
        using PictureClassifier judge = context.Judge();
        using DiTTransformer2DModel network = Network(context.Seed);
        context.Teach("network", network, TeacherSteps);
        var segments = BackboneSegments.Of(network);
        double share = Share * segments.Branches.Sum(branch => (double)branch.Units * branch.ParametersPerUnit) / segments.TotalParameters;

        var solver = new DdimSolver(FlowSampling.Steps(PictureWorld.SampleSteps));
        using PairStore pairs = PairGeneration.Run(
            new Sampler(new Denoiser(network, PredictionType.Flow), solver), 1, [PictureShapes.Channels, PictureShapes.Side, PictureShapes.Side], Pairs,
            new PairOrigin(WeightFingerprint.Of(network), "Euler, 10 steps"), context.Seed + 20, classes: PictureShapes.Classes, cancellation: context.Cancellation);
        using Tensor drawn = PictureWorld.Sample(network, pictures, context.Seed + 300);
        found[Whole, Distance] = PictureWorld.Frechet(judge, drawn, context.Seed + 301);

        using (var mask = new UnitMask(segments))
        {
            context.Train("mask", new EndToEndMaskObjective(mask, network, PredictionType.Flow, solver, pairs, Rows, PenaltyWeight), Options(context.Steps(Updates)));
            using DiTTransformer2DModel pruned = Prune(EndToEnd, mask.Scores());
            using Conditioning conditioning = new(empty([SpeedRows, 0, 0])) { ClassLabels = PictureWorld.Classes(SpeedRows) };
            using Tensor x = zeros(SpeedRows, PictureShapes.Channels, PictureShapes.Side, PictureShapes.Side), t = TensorArithmetic.Filled(500, null, SpeedRows);
            IReadOnlyList<double> times = NetworkAccount.Milliseconds([network, pruned], x, t, conditioning, repeats: Math.Max(3, context.Steps(100)));
            found[EndToEnd, Speed] = times[0] / times[1];
            found[EndToEnd, Operations] = OperationAccount.Of(pruned, x, t, conditioning).Total / OperationAccount.Of(network, x, t, conditioning).Total;
        }

        using (var mask = new UnitMask(segments))
        {
            context.Train("stepwise", new StepwiseMaskObjective(mask, network, FlowSampling.Process, pairs, Rows * PictureWorld.SampleSteps, PenaltyWeight), Options(context.Steps(Updates)));
            Prune(Stepwise, mask.Scores()).Dispose();
        }

        Prune(Magnitude, UnitRanking.Magnitudes(network)).Dispose();
        var random = new Random((int)context.Seed);
        Prune(Chance, segments.Branches.ToDictionary(branch => branch.Name, branch => Enumerable.Range(0, branch.Units).Select(_ => random.NextDouble()).ToArray())).Dispose();

        context.Progress.Report("measuring memory");
        found[EndToEnd, Memory] = MemoryRatio();
        return found;

        DiTTransformer2DModel Prune(string arm, IReadOnlyDictionary<string, double[]> scores)
        {
            DiTTransformer2DModel pruned = Removal.Apply(network, UnitRanking.Lowest(segments, scores, share));
            using Tensor other = PictureWorld.Sample(pruned, pictures, context.Seed + 300), change = other.Minus(drawn).Squared().mean();
            found[arm, Error] = change.item<float>();
            found[arm, Distance] = PictureWorld.Frechet(judge, other, context.Seed + 301);
            return pruned;
        }

        double MemoryRatio()
        {
            using var scope = NewDisposeScope();
            using var mask = new UnitMask(segments);
            using var frozen = new FrozenWeights(network);
            var denoiser = new AutogradDenoiser(new MaskedNetwork(network, t => mask.Draw(1, t)), PredictionType.Flow, ScalarType.Float32);
            int rows = Math.Max(8, context.Steps(MemoryRows));
            Tensor noise = randn(rows, PictureShapes.Channels, PictureShapes.Side, PictureShapes.Side);
            var conditioning = new Conditioning(empty([rows, 0, 0])) { ClassLabels = PictureWorld.Classes(rows) };
            void Full()
            {
                using var inner = NewDisposeScope();
                SamplerGradient.Sample(denoiser, solver, noise, conditioning).Squared().mean().backward();
            }

            void Checkpointed()
            {
                using var inner = NewDisposeScope();
                _ = SamplerGradient.Checkpointed(denoiser, solver, noise, conditioning, sample => sample.Squared().mean());
            }

            PeakMemory.Of(Full);
            return PeakMemory.Of(Checkpointed) / PeakMemory.Of(Full);
        }
    }

    private static DiTTransformer2DModel Network(long seed)
    {
        using var generator = new Generator((ulong)seed);
        return new DiTTransformer2DModel(new DiTOptions
        {
            InChannels = PictureShapes.Channels,
            OutChannels = PictureShapes.Channels,
            SampleSize = PictureShapes.Side,
            NumLayers = 5,
            NumAttentionHeads = 4,
            AttentionHeadDim = 12,
            NumClasses = PictureShapes.Classes,
        }).Initialize(generator);
    }

    private static TrainerOptions Options(int updates) => new()
    {
        Steps = updates,
        LearningRate = Rate,
        WarmupSteps = Math.Min(10, updates),
        FinalLearningRateRatio = 1,
        WeightDecay = 0,
        GradientClip = 1e6,
        AverageDecay = 0,
        LogEvery = Math.Clamp(updates / 8, 1, 50),
        CheckpointEvery = 50,
        PreviewEvery = updates,
    };
}
