using Millrace.Compression.LayerPruning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Recovery;
using Millrace.Compression.Segments;
using Millrace.Evaluation;
using Millrace.Models.UNets;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.LaptopDiff;

/// <summary>Layers chosen by the additive one-shot criterion, and three ways of distilling what is left.</summary>
public sealed class LaptopDiffRecipe : Recipe
{
    private const string Additive = "sum of one-layer damages", Magnitude = "weight magnitude", Taylor = "first-order Taylor", Handcrafted = "last block of each stage";
    private const string Correlation = "rank correlation with the joint damage, 40 sets", Damage = "damage before training, parameters of the handcrafted set";
    private const string Whole = "whole network", Normalized = "normalized features", Plain = "plain features", OutputOnly = "no features";
    private const string Distance = "Frechet distance at half the parameters";
    private const int TeacherSteps = 1000, Steps = 250, States = 128, Sets = 40, Pictures = 400;
    private const double Half = 0.5;

    /// <inheritdoc/>
    public override string Name => "laptop-diff";

    /// <inheritdoc/>
    public override string Title => "LAPTOP-Diff: Layer Pruning and Normalized Distillation for Compressing Diffusion Models";

    /// <inheritdoc/>
    public override string Source => "Zhang et al. 2024, arXiv 2404.11098";

    /// <inheritdoc/>
    public override string Claim => "The damage of removing layers together is the sum of their own, so the best set is found by a knapsack; what is left learns best from features measured in the size of the teacher's.";

    /// <inheritdoc/>
    public override string Experiment =>
        "8 x 8 pictures of six shapes; a flow of a U-Net of two resolutions, three residual blocks each, attention at both. Layers that change the width may go but for their shortcut. Rank correlations are over random sets of half the parameters; damages are compared at the parameters of dropping the last block of each stage; half of the parameters are removed for the three students of 250 steps.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("rank correlation of the sum of damages with the joint damage", 0.8, found => found[Additive, Correlation]) { AtLeast = true },
        new("that correlation less the better one of magnitude and Taylor", 0, found => found[Additive, Correlation] - Math.Max(found[Magnitude, Correlation], found[Taylor, Correlation])) { AtLeast = true },
        new("damage before training, chosen over handcrafted", 0.7, found => found[Additive, Damage] / found[Handcrafted, Damage]),
        new("damage before training, chosen over least magnitude", 0.7, found => found[Additive, Damage] / found[Magnitude, Damage]),
        new("Frechet distance, normalized features over plain", 0.95, found => found[Normalized, Distance] / found[Plain, Distance]),
        new("Frechet distance, normalized features over none", 0.9, found => found[Normalized, Distance] / found[OutputOnly, Distance]),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int pictures = Math.Max(12, context.Steps(Pictures));
        using PictureClassifier judge = context.Judge();
        using UNet2DModel teacher = PictureWorld.UNet(context.Seed);
        context.Teach("teacher", teacher, TeacherSteps);
        found[Whole, Distance] = Frechet(teacher);

        context.Progress.Report("measuring layers");
        var segments = BackboneSegments.Of(teacher);
        SegmentLayer[] layers = [.. segments.Layers.Where(layer => layer.Parent is null)];
        using var states = EvaluationStates.Draw(FlowSampling.Process, PictureShapes.Independent(Math.Max(32, context.Steps(States))), context.Seed + 100);
        using var sensitivity = new LayerSensitivity(teacher, states);
        double[] damages = [.. sensitivity.Measure(layers.Select(layer => layer.Name), cancellation: context.Cancellation).Select(damage => damage.Value)];
        double[] parameters = [.. layers.Select(layer => (double)layer.Parameters)];
        var loss = new RegressionObjective(teacher, new AutogradDenoiser(teacher, PredictionType.Flow, ScalarType.Float32), FlowSampling.Process, PictureShapes.Independent(128));
        IReadOnlyDictionary<string, double> magnitudes = LayerCriteria.Magnitude(teacher, layers), gradients = LayerCriteria.Taylor(teacher, layers, () => loss.Loss(new TrainingDraw(0, context.Seed)));
        double[] magnitude = [.. layers.Select(layer => magnitudes[layer.Name])], taylor = [.. layers.Select(layer => gradients[layer.Name])];

        context.Progress.Report("removing sets");
        int[][] sets = RandomSets(context);
        double[] joint = [.. sets.Select(Joint)];
        found[Additive, Correlation] = RankCorrelation.Spearman(joint, [.. sets.Select(set => set.Sum(index => damages[index]))]);
        found[Magnitude, Correlation] = RankCorrelation.Spearman(joint, [.. sets.Select(set => set.Sum(index => magnitude[index]))]);
        found[Taylor, Correlation] = RankCorrelation.Spearman(joint, [.. sets.Select(set => set.Sum(index => taylor[index]))]);

        int[] handcrafted = [.. layers.Index().Where(layer => IsLast(layer.Item)).Select(layer => layer.Index)];
        double share = handcrafted.Sum(index => parameters[index]);
        found[Additive, Damage] = Joint([.. LayerChoice.Least(damages, parameters, share)]);
        found[Handcrafted, Damage] = Joint(handcrafted);
        found[Magnitude, Damage] = Joint(Until(share, Enumerable.Range(0, layers.Length).OrderBy(index => magnitude[index])));
        found[Taylor, Damage] = Joint(Until(share, Enumerable.Range(0, layers.Length).OrderBy(index => taylor[index])));

        HardMask chosen = HardMask.Of(segments, LayerChoice.Least(damages, parameters, Half * segments.TotalParameters).Select(index => layers[index].Name), keepShortcuts: true);
        Recover(Normalized, "normalized", new RecoveryOptions());
        Recover(Plain, "plain", new RecoveryOptions { NormalizesFeatures = false });
        Recover(OutputOnly, "output", new RecoveryOptions { Features = 0 });
        return found;

        double Joint(int[] set) => sensitivity.Joint([.. set.Select(index => layers[index].Name)]);

        double Frechet(UNet2DModel network)
        {
            using Tensor drawn = PictureWorld.Sample(network, pictures, context.Seed + 300);
            return PictureWorld.Frechet(judge, drawn, context.Seed + 301);
        }

        int[][] RandomSets(RecipeContext of)
        {
            var random = new Random((int)of.Seed);
            return [.. Enumerable.Range(0, Math.Max(4, of.Steps(Sets))).Select(_ => Until(Half * segments.TotalParameters, Enumerable.Range(0, layers.Length).OrderBy(_ => random.Next())))];
        }

        int[] Until(double wanted, IEnumerable<int> order)
        {
            double gone = 0;
            return [.. order.TakeWhile(index =>
            {
                bool more = gone < wanted;
                gone += parameters[index];
                return more;
            })];
        }

        // The last residual block of every stage and the attention behind it.
        bool IsLast(SegmentLayer layer)
        {
            SegmentLayer last = layers.Last(other => other.Block == layer.Block && other.Kind == LayerKind.ResidualBlock);
            return layer.Name == last.Name || layer.Name == last.Name.Replace("resnets", "attentions", StringComparison.Ordinal);
        }

        void Recover(string arm, string folder, RecoveryOptions options)
        {
            using UNet2DModel student = Removal.Apply(teacher, chosen);
            var objective = new RecoveryObjective<UNet2DModel>(student, teacher, PredictionType.Flow, FlowSampling.Process, PictureShapes.Independent(PictureWorld.Batch), options);
            context.Train(folder, objective, PictureWorld.Options(context.Steps(Steps), learningRate: 1e-3));
            found[arm, Distance] = Frechet(student);
            found[arm, "distance of predictions from the whole network's"] = sensitivity.Of(student);
        }
    }
}
