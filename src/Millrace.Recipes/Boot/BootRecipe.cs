using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Solvers;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Recipes.Boot;

/// <summary>Distillation without data by bootstrapping along the teacher's trajectory.</summary>
public sealed class BootRecipe : Recipe
{
    private const string Teacher = "teacher, 1 DDIM step", Regression = "regression on stored pairs", Bootstrapped = "BOOT", WithoutBoundary = "BOOT without its boundary";
    private const string ToData = "sliced W2 to data", ToEndpoint = "squared distance to the teacher's endpoint", Calls = "teacher calls, millions";
    private const int Batch = 512, TeacherSteps = 8000, StudentSteps = 10_000, TeacherBatch = 1024, Points = 20_000, EndpointSteps = 50;

    private static readonly GaussianRing Ring = new(Radius: 1.4, Deviation: 0.07);
    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Cosine);
    private static readonly BootOptions Options = new();

    /// <inheritdoc/>
    public override string Name => "boot";

    /// <inheritdoc/>
    public override string Title => "BOOT: Data-free Distillation of Denoising Diffusion Models with Bootstrapping";

    /// <inheritdoc/>
    public override string Source => "Gu et al. 2023, arXiv 2306.05544";

    /// <inheritdoc/>
    public override string Claim => "A one-step student can be taught by single calls of its teacher on its own predictions, without data and without stored pairs.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points on a ring of eight Gaussians; a noise-predicting teacher (cosine betas) and students of the same network. Regression has as many pairs (DDIM, 50 steps) as BOOT's calls of the teacher pay for.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sliced W2 to data, BOOT over the teacher's one step", 0.25, found => found[Bootstrapped, ToData] / found[Teacher, ToData]),
        new("sliced W2 to data, BOOT over regression on as many calls", 1, found => found[Bootstrapped, ToData] / found[Regression, ToData]),
        new("distance to the teacher's endpoint, BOOT over the teacher's one step", 0.1, found => found[Bootstrapped, ToEndpoint] / found[Teacher, ToEndpoint]),
        new("sliced W2 to data without the boundary over with it", 2, found => found[WithoutBoundary, ToData] / found[Bootstrapped, ToData]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points), steps = context.Steps(StudentSteps);
        using var teacher = new PointNetwork(PredictionType.VPrediction, context.Seed);
        context.Train("teacher", new RegressionObjective(teacher, teacher, Process, Ring.Independent(TeacherBatch)), Training.Options(context.Steps(TeacherSteps)));
        long calls = 2L * Batch * steps;

        found[Teacher, Calls] = 0;
        Measure(Teacher, new Sampler(teacher, new DdimSolver(Path(1))).Follow);

        using PairStore pairs = PairGeneration.Run(
            new Sampler(teacher, new DdimSolver(Path(EndpointSteps))), Path(EndpointSteps)[0].From.Sigma, [2, 1, 1], Math.Max(1, calls / EndpointSteps),
            new PairOrigin(WeightFingerprint.Of(teacher), $"DDIM, {EndpointSteps} steps"), context.Seed, batch: 10_000, cancellation: context.Cancellation);
        using (var student = new PointNetwork(PredictionType.Sample, context.Seed + 1))
        {
            var objective = new RegressionObjective(student, student, FlowSampling.Process, (_, random) => pairs.Draw(Batch, random)) { TimeLaw = new GridTimeLaw(1) };
            context.Train("regression", objective, Training.Options(steps));
            found[Regression, Calls] = pairs.Count * EndpointSteps / 1e6;
            Measure(Regression, (noise, _) => Ask(student, noise, FlowSampling.Process.TimeRange.Last));
        }

        Learn(Bootstrapped, "boot", Options);
        Learn(WithoutBoundary, "without-boundary", Options with { BoundaryWeight = 0 });
        return found;

        void Learn(string arm, string folder, BootOptions options)
        {
            using var student = new PointNetwork(PredictionType.Sample, context.Seed + 1);
            var objective = new BootObjective(
                student, student, teacher, Process, random => (random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch)), options);
            context.Train(folder, objective, Training.Options(steps));
            found[arm, Calls] = (options.BoundaryWeight > 0 ? calls : calls / 2) / 1e6;
            Measure(arm, (noise, _) => Ask(student, noise, options.FirstTime));
        }

        void Measure(string arm, Func<Tensor, Tensor?, Tensor> draw)
        {
            using var scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            Tensor noise = random.Normal(points, 2, 1, 1), drawn = draw(noise, null);
            found[arm, ToData] = SlicedWasserstein.Distance(drawn, Ring.Draw(points, random).Points);
            Tensor endpoint = new Sampler(teacher, new DdimSolver(Path(EndpointSteps))).Follow(noise);
            found[arm, ToEndpoint] = drawn.Minus(endpoint).Squared().sum([1]).mean().item<float>();
        }
    }

    private static Tensor Ask(PointNetwork student, Tensor noise, double time) =>
        student.Predict(noise, TensorArithmetic.Filled(time, noise.device, noise.shape[0]), Conditioning.WithoutText(noise.shape[0]));

    private static IReadOnlyList<NoiseInterval> Path(int steps) => NoiseInterval.Between(
        [.. Enumerable.Range(0, steps).Select(step => Process.LevelAt(Options.LastTime * (steps - step) / steps)), new NoiseLevel(0, 1, 0)]);
}
