using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Solvers;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.MmdDdm;

/// <summary>Fine-tuning for three steps by a kernel distance, against the same weights and against more of the usual training.</summary>
public sealed class MmdDdmRecipe : Recipe
{
    private const string Before = "trained", Longer = "trained longer", Tuned = "tuned by MMD";
    private const string Few = "sliced W2, 3 steps", Many = "sliced W2, 50 steps", Recall = "recall, 3 steps";
    private const int Batch = 1024, TunedBatch = 512, TrainingSteps = 8000, TuningSteps = 1000, Points = 20_000, RecallPoints = 3000, Steps = 3;

    private static readonly GaussianRing Ring = new(Radius: 1.4, Deviation: 0.07);
    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Linear, 1e-4, 0.02);
    private static readonly MeanKernel Kernel = MeanKernels.Gaussian(0.5, 5, 50);

    /// <inheritdoc/>
    public override string Name => "mmd-ddm";

    /// <inheritdoc/>
    public override string Title => "Fast Inference in Denoising Diffusion Models via MMD Finetuning";

    /// <inheritdoc/>
    public override string Source => "Aiello et al. 2023, arXiv 2301.07969";

    /// <inheritdoc/>
    public override string Claim => "A few hundred updates that lower a kernel distance through the few-step sampler itself fit a trained model to those steps.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points on a ring of eight Gaussians; a noise-predicting model (linear betas) sampled with three DDIM steps, tuned for 1,000 updates with Gaussian kernels on the points themselves (rates 0.5, 5, 50; learning rate 3e-4); beside it as many more updates of the usual loss.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sliced W2 at 3 steps, tuned over trained", 0.5, found => found[Tuned, Few] / found[Before, Few]),
        new("sliced W2 at 3 steps, trained longer over trained: it does not help", 0.95, found => found[Longer, Few] / found[Before, Few]) { AtLeast = true },
        new("recall at 3 steps, tuned over trained", 0.9, found => found[Tuned, Recall] / Math.Max(found[Before, Recall], 1e-3)) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override string Notes => "The weights are then those of three steps: at 50 they are as good or bad as the table says.";

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points), few = Math.Max(10, context.Steps(RecallPoints));
        using var trained = new PointNetwork(PredictionType.Epsilon, context.Seed);
        context.Train("trained", new RegressionObjective(trained, trained, Process, Ring.Independent(Batch)), Training.Options(context.Steps(TrainingSteps)));
        Measure(Before, trained);

        TrainerOptions tuning = Training.Options(context.Steps(TuningSteps), learningRate: 3e-4) with { GradientClip = 0.5, AverageDecay = 0.98 };
        using (PointNetwork longer = trained.CopyTo(new PointNetwork(PredictionType.Epsilon, context.Seed)))
        {
            context.Train("longer", new RegressionObjective(longer, longer, Process, Ring.Independent(Batch)), tuning);
            Measure(Longer, longer);
        }

        using PointNetwork tuned = trained.CopyTo(new PointNetwork(PredictionType.Epsilon, context.Seed));
        CoupledBatch Draw(SeededRandom random) => new(Ring.Draw(TunedBatch, random).Points, random.Normal(TunedBatch, 2, 1, 1), Conditioning.WithoutText(TunedBatch));
        context.Train("tuned", new SampledMeanObjective(tuned, tuned, Solver(Steps), Draw, points => points.flatten(1), Kernel), tuning);
        Measure(Tuned, tuned);
        return found;

        void Measure(string arm, PointNetwork network)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            Tensor noise = random.Normal(points, 2, 1, 1), data = Ring.Draw(points, random).Points, drawn = new Sampler(network, Solver(Steps)).Follow(noise);
            found[arm, Few] = SlicedWasserstein.Distance(drawn, data);
            found[arm, Many] = SlicedWasserstein.Distance(new Sampler(network, Solver(50)).Follow(noise), data);
            found[arm, Recall] = ManifoldScores.Of(data.narrow(0, 0, few), drawn.narrow(0, 0, few)).Recall.Value;
        }
    }

    /// <summary>The grid (S - 1) k, ..., k, 0 with k = T / S, as the paper's code has it.</summary>
    private static DdimSolver Solver(int steps)
    {
        int stride = Process.TrainTimesteps / steps;
        return new DdimSolver(NoiseInterval.Between(
            [.. Enumerable.Range(0, steps).Select(step => Process.LevelAt((steps - 1 - step) * stride)), new NoiseLevel(0, 1, 0)]));
    }
}
