using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Guidance;
using Millrace.Recipes.Worlds;
using Millrace.Solvers;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Recipes.InstaFlow;

/// <summary>Conditional reflow of a guided teacher, then distillation into one step, against either alone.</summary>
public sealed class InstaFlowRecipe : Recipe
{
    private const string Teacher = "teacher, 25 guided steps", Direct = "teacher distilled", Reflowed = "2-rectified flow", Both = "2-rectified flow distilled";
    private const string Distance = "sliced W2 to the teacher's samples", Accuracy = "label accuracy", Loss = "distillation loss";
    private const int Batch = 1024, TeacherSteps = 8000, ReflowSteps = 5000, DistillationSteps = 3000, Pairs = 100_000, Points = 20_000;
    private const double TeacherGuidance = 2, FlowGuidance = 1.5;

    private const int Classes = GaussianRing.Modes / 2; // a class is a corner and its opposite

    private static readonly GaussianRing Ring = new(Radius: 1.4, Deviation: 0.1);
    private static readonly ConditionDropout Dropout = new(0.1, Classes);

    /// <inheritdoc/>
    public override string Name => "instaflow";

    /// <inheritdoc/>
    public override string Title => "InstaFlow: One Step is Enough for High-Quality Diffusion-Based Text-to-Image Generation";

    /// <inheritdoc/>
    public override string Source => "Liu et al. 2023, arXiv 2309.06380";

    /// <inheritdoc/>
    public override string Claim => "A guided teacher distils into one step only after a conditional reflow has straightened its paths.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points in eight Gaussians, opposite ones under one label; a noise-predicting teacher with guidance 2, 100,000 of its pairs (DDIM, 50 steps), a flow fitted to them with a tenth of the labels dropped, and its own guided pairs (1.5, Euler, 25 steps) for the distillation. All arms take as many steps in all. The perceptual phase of the paper has no meaning for points and is left out.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("sliced W2, reflow and distillation over direct distillation", 0.7, found => found[Both, Distance] / found[Direct, Distance]),
        new("sliced W2, reflow and distillation over reflow alone", 0.7, found => found[Both, Distance] / found[Reflowed, Distance]),
        new("label accuracy over the teacher's", 0.95, found => found[Both, Accuracy] / found[Teacher, Accuracy]) { AtLeast = true },
        new("distillation loss, after reflow over direct", 1, found => found[Both, Loss] / found[Direct, Loss]),
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points), reflow = context.Steps(ReflowSteps), distillation = context.Steps(DistillationSteps);
        using var none = new Conditioning(empty([1, 0, 0])) { ClassLabels = TensorArithmetic.Indices(1).Plus(Classes) };
        using var teacher = new PointNetwork(PredictionType.Epsilon, context.Seed, classes: Classes);
        context.Train("teacher", new RegressionObjective(teacher, teacher, DiffusionSampling.Process, Dropout.Apply(Labelled)), Training.Options(context.Steps(TeacherSteps)));
        var guided = new ClassifierFreeGuidance(teacher, none, TeacherGuidance);
        using PairStore pairs = Pair("making the teacher's pairs", DiffusionSampling.Ddim(guided, 50), teacher, "DDIM, 50 trailing steps", TeacherGuidance);
        Measure(Teacher, DiffusionSampling.Ddim(guided, 25), DiffusionSampling.Steps(25)[0].From.Sigma);

        using PointNetwork direct = Learn("direct", teacher, pairs, new GridTimeLaw(1), reflow + distillation, drop: false);
        Measure(Direct, FlowSampling.Euler(direct, 1), 1);
        found[Direct, Loss] = LossOf(direct, pairs);

        using PointNetwork longer = Learn("reflow-alone", teacher, pairs, new UniformTimeLaw(), reflow + distillation, drop: true);
        Measure(Reflowed, FlowSampling.Euler(longer, 1), 1);

        using PointNetwork straight = Learn("reflow", teacher, pairs, new UniformTimeLaw(), reflow, drop: true);
        using PairStore straighter = Pair(
            "making the flow's pairs", FlowSampling.Euler(new ClassifierFreeGuidance(straight, none, FlowGuidance), 25), straight, "Euler, 25 steps", FlowGuidance);
        using PointNetwork student = Learn("distilled", straight, straighter, new GridTimeLaw(1), distillation, drop: false);
        Measure(Both, FlowSampling.Euler(student, 1), 1);
        found[Both, Loss] = LossOf(student, straighter);
        return found;

        PairStore Pair(string what, Sampler sampler, PointNetwork of, string how, double guidance)
        {
            context.Progress.Report(what);
            return PairGeneration.Run(
                sampler, 1, [2, 1, 1], context.Steps(Pairs), new PairOrigin(WeightFingerprint.Of(of), how, guidance), context.Seed, batch: 10_000,
                classes: Classes, cancellation: context.Cancellation);
        }

        PointNetwork Learn(string folder, PointNetwork from, PairStore store, TimeLaw law, int steps, bool drop)
        {
            PointNetwork student = from.CopyTo(new PointNetwork(PredictionType.Flow, context.Seed, classes: Classes));
            Coupling coupling = (_, random) => store.Draw(Batch, random);
            var objective = new RegressionObjective(student, student, FlowSampling.Process, drop ? Dropout.Apply(coupling) : coupling) { TimeLaw = law };
            context.Train(folder, objective, Training.Options(steps));
            return student;
        }

        double LossOf(PointNetwork student, PairStore store)
        {
            using IDisposable noGrad = no_grad();
            using Tensor loss = new RegressionObjective(student, student, FlowSampling.Process, (_, random) => store.Draw(points, random)) { TimeLaw = new GridTimeLaw(1) }
                .Loss(new TrainingDraw(0, context.Seed + 5));
            return loss.item<float>();
        }

        void Measure(string arm, Sampler sampler, double scale)
        {
            using var scope = NewDisposeScope();
            using var random = new SeededRandom(context.Seed + 300, CPU);
            Tensor noise = random.Normal(points, 2, 1, 1), other = random.Normal(points, 2, 1, 1), classes = random.Integers(Classes, points);
            Tensor drawn = sampler.Follow(noise.Times(scale), classes), wanted = DiffusionSampling.Ddim(guided, 100).Follow(other, classes);
            found[arm, Distance] = SlicedWasserstein.Distance(drawn, wanted);
            found[arm, Accuracy] = Class(Ring.Nearest(drawn)).eq(classes).to(float32).mean().item<float>();
        }
    }

    private static CoupledBatch Labelled(long step, SeededRandom random)
    {
        (Tensor points, Tensor modes) = Ring.Draw(Batch, random);
        return new CoupledBatch(points, random.Normal(Batch, 2, 1, 1), new Conditioning(empty([Batch, 0, 0])) { ClassLabels = Class(modes) });
    }

    private static Tensor Class(Tensor modes) => modes.remainder(TensorArithmetic.Indices(1).Plus(Classes));
}
