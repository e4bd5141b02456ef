using Millrace.Distillation;
using Millrace.Distillation.Adversarial;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.NitroFusion;

/// <summary>A one-step generator trained by a changing pool of adversaries, against one head for each group and against a pool that does not change.</summary>
public sealed class NitroFusionRecipe : Recipe
{
    private const string Teacher = "teacher, 1 call", Single = "one head a group", Pool = "pool", Refreshed = "pool, 1 % anew";
    private const string One = "sliced W2, 1 call", Two = "sliced W2, 2 calls", Four = "sliced W2, 4 calls", Gap = "heads on seen less on unseen samples";
    private const int Batch = 256, TeacherSteps = 8000, Steps = 3000, RefineAfter = 2000, TeacherCalls = 8, Samples = 2000, Points = 10_000, Copies = 3, Layers = 3;

    private static readonly VariancePreservingProcess Process = DiffusionSampling.Process;
    private static readonly double[] Calls = [999, 749, 499, 249];
    private static readonly long[] All = [.. Enumerable.Range(0, Shapes.Classes).Select(label => (long)label)];

    /// <inheritdoc/>
    public override string Name => "nitrofusion";

    /// <inheritdoc/>
    public override string Title => "NitroFusion: High-Fidelity Single-Step Diffusion through Dynamic Adversarial Training";

    /// <inheritdoc/>
    public override string Source => "Chen et al. 2024, arXiv 2412.02030";

    /// <inheritdoc/>
    public override string Claim => "A one-step generator learns from adversaries alone when they are many and some begin anew at every step; the same weights then take up to four steps.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points in eight classes of different shapes; a teacher of eight DDIM steps, 2,000 of its samples, heads on the three hidden layers of that teacher at four levels of noise, with and without the class. Students begin as the teacher and take 3,000 steps, the last third for up to four calls.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sliced W2 at 1 call, pool anew over one head a group", 0.9, found => found[Refreshed, One] / found[Single, One]),
        new("learned by heart, pool anew over one head a group", 0.5, found => found[Refreshed, Gap] / Math.Max(found[Single, Gap], 1e-4)),
        new("sliced W2 at 1 call, pool anew over the teacher's 1 call", 0.5, found => found[Refreshed, One] / found[Teacher, One]),
        new("sliced W2, 4 calls over 1, pool anew", 1, found => found[Refreshed, Four] / found[Refreshed, One]),
    ];

    /// <inheritdoc/>
    public override string Notes => "The machinery runs and further calls help as claimed; that a changing pool beats one head a group does not show on points at this budget, and no arm's one call comes near half of the teacher's distance. Local heads, which need pictures, are left out.";

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = Math.Max(40, context.Steps(Points));
        using PointNetwork teacher = New();
        context.Train(
            "teacher", new RegressionObjective(teacher, teacher, Process, new ConditionDropout(0.1, Shapes.Classes).Apply(Shapes.Independent(4 * Batch, All))), Training.Options(context.Steps(TeacherSteps)));
        foreach (System.Collections.Generic.KeyValuePair<string, Tensor> weight in teacher.state_dict())
        {
            weight.Value.requires_grad_(false);
        }

        using PairStore seen = Draw(context.Seed), unseen = Draw(context.Seed + 50);
        Measure(Teacher, teacher);
        Learn(Single, "single", copies: 1, refresh: 0);
        Learn(Pool, "pool", Copies, refresh: 0);
        Learn(Refreshed, "refreshed", Copies, refresh: 0.01);
        return found;

        PointNetwork New() => new(PredictionType.VPrediction, context.Seed, classes: Shapes.Classes);

        PairStore Draw(long seed) => PairGeneration.Run(
            DiffusionSampling.Ddim(teacher, TeacherCalls), DiffusionSampling.Steps(TeacherCalls)[0].From.Sigma, [2, 1, 1], Samples,
            new PairOrigin(WeightFingerprint.Of(teacher), $"DDIM, {TeacherCalls} trailing steps"), seed, classes: Shapes.Classes, cancellation: context.Cancellation);

        void Learn(string arm, string folder, int copies, double refresh)
        {
            using var first = new Generator((ulong)context.Seed);
            using PointNetwork student = teacher.CopyTo(New());
            var options = new DynamicAdversarialOptions { RefreshShare = refresh };
            using var heads = new HeadPool(DynamicAdversarialObjective.Groups(options.Timesteps.Count, Layers), copies, _ => new PointHead(teacher.Width), first);
            var objective = new DynamicAdversarialObjective(
                student, Generator(student).Batches((_, random) => seen.Draw(Batch, random) with { Noise = random.Normal(Batch, 2, 1, 1) }, context.Steps(RefineAfter)),
                heads, teacher.Features, Layers, Process, Unconditional, options);
            context.Train(folder, objective, Training.Options(context.Steps(Steps), learningRate: 2e-4) with { AverageDecay = 0.995, Beta1 = 0.5 });
            Measure(arm, student);
            using var scope = NewDisposeScope();
            using SeededRandom random = new(context.Seed + 70, CPU), again = new(context.Seed + 70, CPU);
            found[arm, Gap] = objective.MeanVerdict(Whole(seen), random) - objective.MeanVerdict(Whole(unseen), again);
        }

        void Measure(string arm, PointNetwork network)
        {
            using var scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            Tensor classes = random.Integers(Shapes.Classes, points), other = random.Normal(points, 2, 1, 1);
            Tensor wanted = DiffusionSampling.Ddim(teacher, TeacherCalls).Follow(other.Times(DiffusionSampling.Steps(TeacherCalls)[0].From.Sigma), classes);
            var conditioning = new Conditioning(empty([points, 0, 0])) { ClassLabels = classes };
            FewStepGenerator generator = Generator(network);
            Tensor sample = generator.Generate(random.Normal(points, 2, 1, 1), conditioning);
            found[arm, One] = Distance(sample);
            for (int call = 1; call < Calls.Length; call++)
            {
                sample = generator.Refine(sample, call, random.Normal(points, 2, 1, 1), conditioning);
                if (call != 2)
                {
                    found[arm, call == 1 ? Two : Four] = Distance(sample);
                }
            }

            // With the class beside them, so that points of the wrong class count as far.
            double Distance(Tensor drawn) => SlicedWasserstein.Distance(Beside(drawn, classes), Beside(wanted, classes));
        }
    }

    private static FewStepGenerator Generator(IDenoiser denoiser) => new(denoiser, [.. Calls.Select(time => Process.LevelAt(time))]);

    private static Conditioning Unconditional(Conditioning of) => of with { ClassLabels = zeros_like(of.ClassLabels!).Plus(Shapes.Classes) };

    private static CoupledBatch Whole(PairStore store) =>
        new(store.Sample, store.Noise, new Conditioning(empty([store.Count, 0, 0])) { ClassLabels = store.Classes });

    private static Tensor Beside(Tensor points, Tensor classes)
    {
        Tensor angle = classes.to(float32).Times(Math.PI / 4).unsqueeze(1);
        return cat([points.flatten(1), angle.cos().Times(2), angle.sin().Times(2)], 1);
    }
}
