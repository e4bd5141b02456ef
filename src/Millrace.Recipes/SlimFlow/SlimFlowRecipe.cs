using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.SlimFlow;

/// <summary>A small one-step student of a large flow: annealed reflow and flow-guided distillation, one addition after the other.</summary>
public sealed class SlimFlowRecipe : Recipe
{
    private const string Plain = "plain reflow, pairs", Annealed = "annealed reflow, pairs", Guided = "annealed reflow, flow-guided", Mirrored = "annealed, flow-guided, mirrored pairs";
    private const string SameSize = "same size, plain reflow", SameSizeAnnealed = "same size, annealed reflow";
    private const string Fresh = "sliced W2, 1 step, fresh noise", Stored = "sliced W2, 1 step, stored noise", Error = "reflow loss on fresh pairs";
    private const int Batch = 1024, TeacherSteps = 6000, ReflowSteps = 6000, DistillationSteps = 4000, Pairs = 2000, Points = 20_000;
    private const int Width = 48, Depth = 2;

    private static readonly GaussianRing Ring = new();

    /// <inheritdoc/>
    public override string Name => "slimflow";

    /// <inheritdoc/>
    public override string Title => "SlimFlow: Training Smaller One-Step Diffusion Models with Rectified Flow";

    /// <inheritdoc/>
    public override string Source => "Zhu et al. 2024, arXiv 2407.12718";

    /// <inheritdoc/>
    public override string Claim => "A network too small to take over the teacher's weights learns its reflow from independent noise that slides to the pairs, and distils better with targets on fresh noise.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points on a ring of eight Gaussians; a flow of three layers of 128 units teaches one of two layers of 48 through 2,000 stored pairs (Heun, 50 steps). Two students of the teacher's own size, from its weights, are the control.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("reflow loss on fresh pairs, annealed over plain", 0.95, found => found[Annealed, Error] / found[Plain, Error]),
        new("sliced W2 on fresh noise, annealed over plain", 0.95, found => found[Annealed, Fresh] / found[Plain, Fresh]),
        new("sliced W2 on fresh noise, flow-guided over annealed", 0.95, found => found[Guided, Fresh] / found[Annealed, Fresh]),
        new("gap between fresh and stored noise, flow-guided over annealed", 0.8, found => Gap(found, Guided) / Gap(found, Annealed)),
        new("control: reflow loss at the same size from the teacher's weights, plain over annealed", 1.05, found => found[SameSize, Error] / found[SameSizeAnnealed, Error]),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points);
        using var teacher = new PointNetwork(PredictionType.Flow, context.Seed);
        context.Train("teacher", new RegressionObjective(teacher, teacher, FlowSampling.Process, Ring.Independent(Batch)), Training.Options(context.Steps(TeacherSteps)));
        var origin = new PairOrigin(WeightFingerprint.Of(teacher), "Heun, 50 steps");
        using PairStore pairs = PairGeneration.Run(FlowSampling.Heun(teacher, 50), 1, [2, 1, 1], Pairs, origin, context.Seed, cancellation: context.Cancellation);
        using PairStore fresh = PairGeneration.Run(FlowSampling.Heun(teacher, 50), 1, [2, 1, 1], points, origin, context.Seed + 7, batch: 10_000, cancellation: context.Cancellation);

        Coupling stored = (_, random) => pairs.Draw(Batch, random);
        Coupling annealed = new NoiseAnnealing(context.Steps(ReflowSteps) / 2).Apply(stored), mirrored = Mirror(stored);
        using PointNetwork plain = Reflow(Plain, "plain", Small(), stored), slid = Reflow(Annealed, "annealed", Small(), annealed);
        using PointNetwork slidMirrored = Reflow(Mirrored, "mirrored", Small(), new NoiseAnnealing(context.Steps(ReflowSteps) / 2).Apply(mirrored));
        Distil(Plain, "plain-distilled", plain, guided: false, stored);
        Distil(Annealed, "annealed-distilled", slid, guided: false, stored);
        Distil(Guided, "guided-distilled", slid, guided: true, stored);
        Distil(Mirrored, "mirrored-distilled", slidMirrored, guided: true, mirrored);
        Reflow(SameSize, "same-size", teacher.CopyTo(new PointNetwork(PredictionType.Flow, context.Seed)), stored).Dispose();
        Reflow(SameSizeAnnealed, "same-size-annealed", teacher.CopyTo(new PointNetwork(PredictionType.Flow, context.Seed)), annealed).Dispose();
        return found;

        PointNetwork Small() => new(PredictionType.Flow, context.Seed + 1, Width, Depth);

        PointNetwork Reflow(string arm, string folder, PointNetwork student, Coupling coupling)
        {
            context.Train(folder, new RegressionObjective(student, student, FlowSampling.Process, coupling), Training.Options(context.Steps(ReflowSteps)));
            using IDisposable noGrad = no_grad();
            using Tensor loss = new RegressionObjective(student, student, FlowSampling.Process, (_, _) => new CoupledBatch(fresh.Sample, fresh.Noise, Conditioning.WithoutText(fresh.Count)))
                .Loss(new TrainingDraw(0, context.Seed));
            found[arm, Error] = loss.item<float>();
            return student;
        }

        void Distil(string arm, string folder, PointNetwork reflowed, bool guided, Coupling coupling)
        {
            using PointNetwork student = reflowed.CopyTo(Small());
            var objective = new FlowGuidedDistillation(student, student, guided ? reflowed : null, FlowSampling.Process, coupling, Premetrics.SquaredError);
            context.Train(folder, objective, Training.Options(context.Steps(DistillationSteps)));
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            found[arm, Fresh] = SlicedWasserstein.Distance(FlowSampling.Euler(student, 1).Follow(random.Normal(points, 2, 1, 1)), Ring.Draw(points, random).Points);
            found[arm, Stored] = SlicedWasserstein.Distance(FlowSampling.Euler(student, 1).Follow(pairs.Noise), pairs.Sample);
        }
    }

    private static double Gap(Findings found, string arm) => found[arm, Fresh] - found[arm, Stored];

    /// <summary>Half of the pairs mirrored, sample and noise together.</summary>
    private static Coupling Mirror(Coupling coupling) => (step, random) =>
    {
        CoupledBatch batch = coupling(step, random);
        Tensor sign = random.Integers(2, batch.Sample.shape[0], 1, 1, 1).to(float32).Times(2).Plus(-1);
        Tensor mirror = cat([sign, ones_like(sign)], 1);
        return batch with { Sample = batch.Sample * mirror, Noise = batch.Noise * mirror };
    };
}
