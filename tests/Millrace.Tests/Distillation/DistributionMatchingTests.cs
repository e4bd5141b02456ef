using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

public sealed class DistributionMatchingTests
{
    private const int Batch = 4000;
    private const double Deviation = 0.5;

    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    [Fact]
    public void Samples_are_pulled_from_their_own_mean_to_the_teachers_and_stay_where_both_agree()
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(1, CPU);
        using var none = Conditioning.WithoutText(Batch);
        double Direction(double fakeMean)
        {
            Tensor sample = random.Normal(Batch, 2, 1, 1).Times(Deviation).Plus(fakeMean);
            return Objective(Gaussian(fakeMean), Gaussian(1)).Gradient(sample, none, random).mean().item<float>();
        }

        Assert.True(Direction(3) > 0.05); // descent moves samples down, towards 1
        Assert.True(Direction(-1) < -0.05);
        Assert.Equal(0, Direction(1), 1e-6);
    }

    [Fact]
    public void The_gradient_of_the_pull_is_the_one_given()
    {
        using var scope = NewDisposeScope();
        Tensor sample = randn(3, 2, 1, 1).requires_grad_(), gradient = randn(3, 2, 1, 1);
        DistributionMatchingObjective.Pull(sample, gradient).backward();
        Assert.True(Golden.RelativeError(gradient.Times(1.0 / 6), sample.grad!) < 1e-5);
    }

    [Fact]
    public void A_generator_learns_the_teachers_mean()
    {
        using var folder = new TemporaryFolder();
        using ScaledInput network = new(0, PredictionType.Sample), fakeNetwork = new(0, PredictionType.Sample);
        var shift = new Shift(network);
        var generator = new FewStepGenerator(shift, Process.LevelAt(999));
        var objective = new DistributionMatchingObjective(
            network, generator, fakeNetwork, new Shift(fakeNetwork), new GaussianDenoiser(Process, PredictionType.Sample, 2, 0.001), Process,
            (_, random) => new CoupledBatch(zeros(64, 2, 1, 1), random.Normal(64, 2, 1, 1), Conditioning.WithoutText(64)), null, new DistributionMatchingOptions { FakeUpdates = 5 });
        var options = new TrainerOptions { Steps = 400, LearningRate = 0.03, WeightDecay = 0, WarmupSteps = 1, FinalLearningRateRatio = 0.02, AverageDecay = 0 };
        using var trainer = new Trainer(objective, options, folder.Path);
        trainer.Run(1);
        Assert.Equal(2, network.Factor.item<float>(), 0.1);
    }

    [Fact]
    public void A_student_that_is_its_teacher_has_nothing_to_match()
    {
        using var scope = NewDisposeScope();
        using ScaledInput student = new(0.3), other = new(0.4);
        double Loss(ScaledInput of) => new TeacherMatchingObjective(of, of, student, Process, (_, random) =>
            new CoupledBatch(random.Normal(50, 2, 1, 1), random.Normal(50, 2, 1, 1), Conditioning.WithoutText(50))).Loss(new TrainingDraw(0, 1)).item<float>();
        Assert.Equal(0, Loss(student));
        Assert.True(Loss(other) > 0.001);
    }

    [Theory]
    [InlineData(8, 1)]
    [InlineData(8, 4)]
    [InlineData(10, 4)]
    [InlineData(7, 7)]
    public void Every_class_has_one_student_and_parts_are_as_equal_as_they_can_be(int classes, int students)
    {
        var router = new ConditionRouter(classes, students);
        long[][] parts = [.. Enumerable.Range(0, students).Select(student => router.ClassesOf(student).ToArray())];
        Assert.Equal(Enumerable.Range(0, classes).Select(label => (long)label), parts.SelectMany(part => part));
        Assert.True(parts.Max(part => part.Length) - parts.Min(part => part.Length) <= 1);
    }

    [Fact]
    public void Rows_of_mixed_classes_come_back_in_their_order()
    {
        using var scope = NewDisposeScope();
        var router = new ConditionRouter(4, 2);
        Tensor labels = tensor(new long[] { 3, 0, 2, 1, 3 }), inputs = tensor([10f, 20, 30, 40, 50], [5, 1]);
        Tensor answers = router.Route(labels, inputs, (student, rows, of) => rows.Plus(student).Plus(of.to(float32).Times(0.1).unsqueeze(1)));
        Assert.Equal([11.3, 20, 31.2, 40.1, 51.3], answers.data<float>().ToArray().Select(value => Math.Round(value, 3)));
        Assert.Throws<ArgumentOutOfRangeException>(() => router.StudentOf(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConditionRouter(4, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConditionRouter(4, 0));
        Assert.Throws<ArgumentException>(() => new DistributionMatchingOptions { LeastTime = 0.9, MostTime = 0.8 }.Validate());
    }

    [Fact]
    public void One_student_for_all_answers_as_if_there_were_no_router()
    {
        using var scope = NewDisposeScope();
        var router = new ConditionRouter(6, 1);
        Assert.Equal([0L, 1, 2, 3, 4, 5], router.ClassesOf(0));
        Tensor labels = tensor(new long[] { 5, 0, 3, 3 }), inputs = randn(4, 2);
        Tensor Answer(Tensor rows, Tensor of) => rows.Times(2).Plus(of.to(float32).unsqueeze(1));
        Assert.True(Answer(inputs, labels).Equals(router.Route(labels, inputs, (_, rows, of) => Answer(rows, of))));
    }

    private static GaussianDenoiser Gaussian(double mean) => new(Process, PredictionType.Epsilon, mean, Deviation);

    private static DistributionMatchingObjective Objective(IDenoiser fake, IDenoiser teacher)
    {
        var network = new ScaledInput(0, PredictionType.Sample);
        return new DistributionMatchingObjective(
            network, new FewStepGenerator(network, Process.LevelAt(999)), network, fake, teacher, Process, (_, _) => throw new NotSupportedException(), null, new DistributionMatchingOptions());
    }

    /// <summary>Says that every clean sample is the network's one number.</summary>
    private sealed class Shift(ScaledInput network) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Sample;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            return network.call(ones_like(x)).MoveToOuterDisposeScope();
        }
    }
}
