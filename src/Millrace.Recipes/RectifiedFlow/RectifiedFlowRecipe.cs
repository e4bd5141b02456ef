using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.RectifiedFlow;

/// <summary>Rectified flow and reflow on a ring of Gaussians.</summary>
public sealed class RectifiedFlowRecipe : Recipe
{
    private const string First = "1-rectified flow", Second = "2-rectified flow", Data = "fresh data";
    private const string OneStep = "sliced W2, 1 step", ManySteps = "sliced W2, 100 steps", Curvature = "straightness S";
    private const int Batch = 1024, TrainingSteps = 6000, Pairs = 100_000, Points = 20_000;

    private static readonly GaussianRing Ring = new();

    /// <inheritdoc/>
    public override string Name => "rectified-flow";

    /// <inheritdoc/>
    public override string Title => "Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2022, arXiv 2209.03003";

    /// <inheritdoc/>
    public override string Claim => "Refitting a flow on the pairs that it makes itself straightens its paths until one Euler step is enough.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points, from a normal distribution to a ring of eight Gaussians; the same network before and after one reflow on 100,000 of its own pairs (Heun, 50 steps).";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sliced W2 at 1 step, 2-rectified over 1-rectified", 0.35, found => found[Second, OneStep] / found[First, OneStep]),
        new("straightness S, 2-rectified over 1-rectified", 0.2, found => found[Second, Curvature] / found[First, Curvature]),
        new("sliced W2 at 100 steps, 2-rectified over (1.5 times 1-rectified + that of two batches of data)", 1,
            found => found[Second, ManySteps] / ((1.5 * found[First, ManySteps]) + found[Data, ManySteps])),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        using var flow = new PointNetwork(PredictionType.Flow, context.Seed);
        TrainerOptions options = Training.Options(context.Steps(TrainingSteps));
        context.Train("flow", new RegressionObjective(flow, flow, FlowSampling.Process, Ring.Independent(Batch)), options);

        context.Progress.Report("making pairs");
        using PairStore pairs = PairGeneration.Run(
            FlowSampling.Heun(flow, 50), scale: 1, [2, 1, 1], context.Steps(Pairs), new PairOrigin(WeightFingerprint.Of(flow), "Heun, 50 steps"), context.Seed,
            batch: 10_000, cancellation: context.Cancellation);
        using var reflowed = new PointNetwork(PredictionType.Flow, context.Seed);
        flow.CopyTo(reflowed);
        context.Train("reflow", new RegressionObjective(reflowed, reflowed, FlowSampling.Process, (_, random) => pairs.Draw(Batch, random)), options);

        int points = context.Steps(Points);
        var found = new Findings();
        Measure(First, flow);
        Measure(Second, reflowed);
        using var scope = NewDisposeScope();
        using var other = new SeededRandom(context.Seed + 200, CPU);
        found[Data, ManySteps] = SlicedWasserstein.Distance(Ring.Draw(points, other).Points, Fresh());
        return found;

        Tensor Fresh()
        {
            using var random = new SeededRandom(context.Seed + 100, CPU);
            return Ring.Draw(points, random).Points;
        }

        void Measure(string arm, PointNetwork network)
        {
            using var inner = NewDisposeScope();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            Tensor noise = random.Normal(points, 2, 1, 1);
            found[arm, OneStep] = SlicedWasserstein.Distance(FlowSampling.Euler(network, 1).Follow(noise), Fresh());
            found[arm, ManySteps] = SlicedWasserstein.Distance(FlowSampling.Euler(network, 100).Follow(noise), Fresh());
            found[arm, Curvature] = Straightness.Measure(network, FlowSampling.Process, noise, Conditioning.WithoutText(points));
        }
    }
}
