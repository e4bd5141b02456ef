using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.MultiStudent;

/// <summary>One-step students that each answer for some of the classes, against one that answers for all.</summary>
public sealed class MultiStudentRecipe : Recipe
{
    private const string Distance = "class-averaged sliced W2 to the teacher", Size = "parameters of all students";
    private const string Longer = "1 student, four times the steps", Wider = "1 student, four times the parameters", Unmatched = "4 students, no score matching";
    private const int Batch = 512, TeacherSteps = 8000, MatchingSteps = 2000, Steps = 1500, Pairs = 50_000, PointsPerClass = 2500;
    private const int Width = 32, Depth = 2, WiderWidth = 68;

    private static readonly VariancePreservingProcess Process = DiffusionSampling.Process;
    private static readonly int[] Counts = [1, 2, 4, 8];

    /// <inheritdoc/>
    public override string Name => "multi-student";

    /// <inheritdoc/>
    public override string Title => "Multi-student Diffusion Distillation for Better One-step Generators";

    /// <inheritdoc/>
    public override string Source => "Song et al. 2024, arXiv 2410.23274";

    /// <inheritdoc/>
    public override string Claim => "Several one-step students that share the conditions between them beat one, at the same latency a request.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points in eight classes of different shapes; a teacher of three layers of 128 units, students of two layers of 32: fitted to the teacher's score, then distribution matching with a regression on 50,000 pairs of all classes, 1,500 steps for every student. The adversarial stage is left out.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("distance, 2 students over 1", 1.03, found => found[Arm(2), Distance] / found[Arm(1), Distance]),
        new("distance, 4 students over 2", 1.03, found => found[Arm(4), Distance] / found[Arm(2), Distance]),
        new("distance, 8 students over 4", 1.03, found => found[Arm(8), Distance] / found[Arm(4), Distance]),
        new("distance, 4 students over 1", 0.8, found => found[Arm(4), Distance] / found[Arm(1), Distance]),
        new("distance, 4 students over 1 trained four times as long", 0.95, found => found[Arm(4), Distance] / found[Longer, Distance]),
        new("distance, 4 students with score matching over 4 without", 0.6, found => found[Arm(4), Distance] / found[Unmatched, Distance]),
    ];

    /// <inheritdoc/>
    public override string Notes => "At 1,500 steps a student is short of training, not of size: four times the steps do more than four students, and every student fits the pairs of all classes, as the paper demands. One wider student has the parameters of four; its row says what that buys.";

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int perClass = Math.Max(20, context.Steps(PointsPerClass));
        long[] all = [.. Enumerable.Range(0, Shapes.Classes).Select(label => (long)label)];
        using var teacher = new PointNetwork(PredictionType.VPrediction, context.Seed, classes: Shapes.Classes);
        context.Train("teacher", new RegressionObjective(teacher, teacher, Process, Shapes.Independent(2 * Batch, all)), Training.Options(context.Steps(TeacherSteps)));
        using PairStore pairs = PairGeneration.Run(
            DiffusionSampling.Ddim(teacher, 50), DiffusionSampling.Steps(50)[0].From.Sigma, [2, 1, 1], context.Steps(Pairs),
            new PairOrigin(WeightFingerprint.Of(teacher), "DDIM, 50 trailing steps"), context.Seed, batch: 10_000, classes: Shapes.Classes, cancellation: context.Cancellation);

        using var scope = NewDisposeScope();
        (Tensor Noise, Tensor Classes, Tensor Wanted)[] asked = [.. all.Select(Ask)];
        using PointNetwork matched = Match("matched", Width), wide = Match("matched-wide", WiderWidth);
        foreach (int count in Counts)
        {
            Measure(Arm(count), count, $"students-{count}", matched, Width, Steps);
        }

        Measure(Longer, 1, "longer", matched, Width, 4 * Steps);
        Measure(Wider, 1, "wider", wide, WiderWidth, Steps);
        using PointNetwork fresh = New(Width);
        Measure(Unmatched, 4, "unmatched", fresh, Width, Steps);
        return found;

        (Tensor, Tensor, Tensor) Ask(long label)
        {
            using var random = new SeededRandom(context.Seed + 300 + label, CPU);
            Tensor classes = zeros([perClass], ScalarType.Int64).Plus(label), noise = random.Normal(perClass, 2, 1, 1), other = random.Normal(perClass, 2, 1, 1);
            return (noise, classes, DiffusionSampling.Ddim(teacher, 50).Follow(other.Times(DiffusionSampling.Steps(50)[0].From.Sigma), classes));
        }

        PointNetwork New(int width) => new(PredictionType.VPrediction, context.Seed + 1, width, Depth, Shapes.Classes);

        PointNetwork Match(string folder, int width)
        {
            PointNetwork student = New(width);
            context.Train(folder, new TeacherMatchingObjective(student, student, teacher, Process, Shapes.Independent(2 * Batch, all)), Training.Options(context.Steps(MatchingSteps)));
            return student;
        }

        void Measure(string arm, int count, string folder, PointNetwork start, int width, int steps)
        {
            var router = new ConditionRouter(Shapes.Classes, count);
            PointNetwork[] students = [.. Enumerable.Range(0, count).Select(student => Distil(router, student, $"{folder}-{student}", start, width, steps))];
            using var inner = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            found[arm, Distance] = asked.Average(of => SlicedWasserstein.Distance(
                router.Route(of.Classes, of.Noise, (student, rows, labels) => Generator(students[student]).Generate(rows, Labelled(labels))), of.Wanted));
            found[arm, Size] = students.Sum(student => student.Size);
            students.ToList().ForEach(student => student.Dispose());
        }

        PointNetwork Distil(ConditionRouter router, int student, string folder, PointNetwork start, int width, int steps)
        {
            PointNetwork network = start.CopyTo(New(width));
            using PointNetwork fake = start.CopyTo(New(width));
            var objective = new DistributionMatchingObjective(
                network, Generator(network), fake, fake, teacher, Process, Shapes.Independent(Batch, router.ClassesOf(student)), (_, random) => pairs.Draw(Batch, random),
                new DistributionMatchingOptions());
            context.Train(folder, objective, Training.Options(context.Steps(steps), learningRate: 1e-3) with { AverageDecay = 0.99 });
            return network;
        }
    }

    private static string Arm(int students) => students == 1 ? "1 student" : $"{students} students";

    private static FewStepGenerator Generator(IDenoiser denoiser) => new(denoiser, Process.LevelAt(Process.TimeRange.Last));

    private static Conditioning Labelled(Tensor labels) => new(empty([labels.shape[0], 0, 0])) { ClassLabels = labels };
}
