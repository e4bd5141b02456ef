using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

/// <summary>Consistency distillation and training on Gaussian data, whose trajectories are known.</summary>
public sealed class ConsistencyObjectiveTests
{
    private const int Batch = 2048;
    private const double Mean = 0.4, Deviation = 0.6;

    private static readonly FlowProcess Flow = new();
    private static readonly VariancePreservingProcess Diffusion = new(BetaSchedule.Cosine);

    [Theory]
    [InlineData("flow")]
    [InlineData("diffusion")]
    public void The_true_ends_of_trajectories_are_wrong_by_the_teachers_step_alone(string kind)
    {
        using var scope = NewDisposeScope();
        IDiffusionProcess process = kind == "flow" ? Flow : Diffusion;
        using var network = new ScaledInput(1);
        var teacher = new GaussianDenoiser(process, kind == "flow" ? PredictionType.Flow : PredictionType.VPrediction, Mean, Deviation);
        var ends = new Ends(process);
        double Loss(int intervals) => new ConsistencyObjective(network, ends, teacher, process, Data, intervals) { Premetric = Premetrics.SquaredError }
            .Loss(new TrainingDraw(0, 3)).item<float>();

        // A step's error is of second order, its square of fourth.
        Assert.InRange(Loss(20) / Loss(40), 8, 32);
        Assert.True(Loss(40) < 1e-5);
    }

    [Fact]
    public void Pairs_of_straight_paths_have_no_loss_with_a_teacher_or_without()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(1);
        var straight = new GaussianDenoiser(Flow, PredictionType.Flow, Mean, Deviation, coupled: true);
        CoupledBatch Pairs(long step, SeededRandom random)
        {
            Tensor noise = random.Normal(Batch, 2, 1, 1);
            return new CoupledBatch(noise.Times(Deviation).Plus(Mean), noise, Conditioning.WithoutText(Batch));
        }

        foreach (IDenoiser? teacher in new[] { straight, null })
        {
            Assert.Equal(0, new ConsistencyObjective(network, straight, teacher, Flow, Pairs, 10).Loss(new TrainingDraw(0, 3)).item<float>(), 1e-6);
        }
    }

    [Fact]
    public void No_gradient_comes_through_the_target_and_nothing_stays_behind()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(0.3);
        var objective = new ConsistencyObjective(network, network, null, Flow, Data, 2) { Premetric = Premetrics.SquaredError };
        objective.Loss(new TrainingDraw(0, 3)).backward();

        // f(x, t) = x - t c x; the target of the first interval is x_0, of the second f(x_1/2, 1/2), held still.
        using var random = new SeededRandom(3, CPU);
        CoupledBatch batch = Data(0, random);
        Tensor interval = random.Integers(2, Batch).view(-1, 1, 1, 1), t = interval.to(float32).Plus(1).Times(0.5), s = t.Plus(-0.5);
        Tensor Noised(Tensor time) => (time.TakenFrom(1) * batch.Sample).Plus(time * batch.Noise);
        Tensor x = Noised(t), found = x * t.Times(0.3).TakenFrom(1), target = Noised(s) * s.Times(0.3).TakenFrom(1);
        double expected = (found.Minus(target) * x * t).mean().item<float>() * -2;
        Assert.Equal(expected, network.Factor.grad!.item<float>(), 1e-4);
        Living.StaysConstant(() => objective.Loss(new TrainingDraw(0, 3)).Dispose(), repeats: 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConsistencyObjective(network, network, null, Flow, Data, 0));
    }

    private static CoupledBatch Data(long step, SeededRandom random) =>
        new(random.Normal(Batch, 2, 1, 1).Times(Deviation).Plus(Mean), random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));

    /// <summary>Where the trajectory through x_t ends: x_0 = m + s (x_t - a m) / sqrt(a^2 s^2 + b^2).</summary>
    private sealed class Ends(IDiffusionProcess process) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Sample;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            (Tensor a, Tensor b) = process.Coefficients(t);
            (a, b) = (a.to(x.dtype), b.to(x.dtype));
            Tensor spread = a.Squared().Times(Deviation * Deviation).Plus(b.Squared()).sqrt();
            return (x.Minus(a.Times(Mean)) / spread).Times(Deviation).Plus(Mean).MoveToOuterDisposeScope();
        }
    }
}
