using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

/// <summary>Flow-guided distillation and BOOT against closed forms.</summary>
public sealed class OneStepObjectiveTests
{
    private const int Batch = 4096;
    private const double Deviation = 0.6;

    private static readonly FlowProcess Flow = new();
    private static readonly VariancePreservingProcess Diffusion = new(BetaSchedule.Cosine);

    [Fact]
    public void A_straight_teacher_and_its_equal_have_no_loss_on_fresh_noise()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(1);
        var straight = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation, coupled: true);
        var objective = new FlowGuidedDistillation(network, straight, straight, Flow, Pairs, Premetrics.SquaredError);
        Assert.Equal(0, objective.Loss(new TrainingDraw(0, 3)).item<float>(), 1e-9);
        var curved = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation);
        Assert.True(new FlowGuidedDistillation(network, straight, curved, Flow, Pairs, Premetrics.SquaredError).Loss(new TrainingDraw(0, 3)).item<float>() > 1e-3);
    }

    [Fact]
    public void No_gradient_reaches_the_student_through_its_own_first_step()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(0.4);
        var objective = new FlowGuidedDistillation(network, network, network, Flow, Pairs, Premetrics.SquaredError);
        var alone = new FlowGuidedDistillation(network, network, null, Flow, Pairs, Premetrics.SquaredError);
        double Gradient(FlowGuidedDistillation of)
        {
            network.zero_grad();
            of.Loss(new TrainingDraw(0, 3)).backward();
            return network.Factor.grad!.item<float>();
        }

        // found = (1 - c) Z, target T held still: d/dc mean (found - T)^2 = -2 mean Z (found - T).
        using var random = new SeededRandom(3, CPU);
        _ = Pairs(0, random);
        Tensor z = random.Normal(Batch, 2, 1, 1), share = random.Between(0.2, 0.8, Batch).view(-1, 1, 1, 1);
        Tensor found = z.Times(0.6), between = lerp(z, found, share), target = between.Minus(share.TakenFrom(1) * between.Times(0.4));
        double expected = (z * found.Minus(target)).mean().item<float>() * -2;
        Assert.Equal(expected, Gradient(objective) - Gradient(alone), 1e-4);
    }

    [Theory]
    [InlineData("variance preserving")]
    [InlineData("flow")]
    [InlineData("variance exploding")]
    public void The_signal_moves_as_DDIM_moves_x(string kind)
    {
        IDiffusionProcess process = kind == "flow" ? Flow : kind == "variance preserving" ? Diffusion : new EdmProcess();
        double last = kind == "variance exploding" ? 60 : 900;
        (double a, double b) = process.Coefficients(last);
        double x = 0.8, noise = x / b, signal = (x - (b * noise)) / a, product = 1;
        for (int step = 10; step > 1; step--)
        {
            (double at, double st) = process.Coefficients(last * step / 10);
            (double a2, double s2) = process.Coefficients(last * (step - 1) / 10);
            double sample = Math.Tanh(x), predicted = (x - (at * sample)) / st, r = s2 * at / (st * a2);
            x = (a2 * sample) + (s2 * predicted);
            signal = (r * signal) + ((1 - r) * sample);
            product *= r;
            Assert.Equal(x, (a2 * signal) + (s2 * noise), 1e-10);
        }

        (double endA, double endB) = process.Coefficients(last / 10);
        Assert.Equal(endB * a / (b * endA), product, 1e-10);
        if (kind == "flow")
        {
            Assert.Equal(0.2 * (1 - 0.5) / (0.5 * (1 - 0.2)), 0.2 * (1 - 0.5) / ((1 - 0.2) * 0.5), 1e-12);
        }
    }

    [Fact]
    public void The_defect_of_the_true_signal_is_of_second_order_in_the_step()
    {
        double At(double step)
        {
            using var scope = NewDisposeScope();
            using var network = new ScaledInput(1);
            var options = new BootOptions { FirstTime = 200, LastTime = 800, Step = step, BoundaryWeight = 0 };
            return new BootObjective(network, new TrueSignal(), new GaussianDenoiser(Diffusion, PredictionType.VPrediction, 0, Deviation), Diffusion, Draw, options)
                .Loss(new TrainingDraw(0, 1)).item<float>();
        }

        (double wide, double narrow) = (At(40), At(10));
        Assert.InRange(wide / narrow, 10, 24); // 16 for exact second order
        Assert.True(narrow < 1e-3);
    }

    [Fact]
    public void The_true_signal_satisfies_the_boundary()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(1);
        var teacher = new GaussianDenoiser(Diffusion, PredictionType.VPrediction, 0, Deviation);
        var options = new BootOptions { FirstTime = 10, LastTime = 990, Step = 5 };
        var draw = new TrainingDraw(0, 1);
        _ = new BootObjective(network, new TrueSignal(), teacher, Diffusion, Draw, options).Loss(draw);
        Assert.Equal(0, Assert.Single(draw.Take()).Value.item<float>(), 1e-3);
    }

    [Fact]
    public void No_gradient_reaches_a_bootstrapped_student_through_its_target()
    {
        using var scope = NewDisposeScope();
        using ScaledInput student = new(0.3, PredictionType.Sample), teacher = new(0.5, PredictionType.Sample);
        var options = new BootOptions { FirstTime = 200, LastTime = 800, Step = 40, BoundaryWeight = 0 };
        new BootObjective(student, student, teacher, Diffusion, Draw, options).Loss(new TrainingDraw(0, 1)).backward();

        // y = c e at every time; the target y_t + (1 - r) (f - y_t) is held still.
        using var random = new SeededRandom(1, CPU);
        (Tensor noise, _) = Draw(random);
        Tensor t = random.Between(240, 800, Batch);
        (Tensor a, Tensor s) = Diffusion.Coefficients(t);
        (Tensor nextA, Tensor nextS) = Diffusion.Coefficients(t.Plus(-40));
        Tensor step = (nextS * a / (s * nextA)).TakenFrom(1), signal = noise.Times(0.3), answer = (a * signal).Plus(s * noise).Times(0.5);
        Tensor target = signal.Plus(step * answer.Minus(signal));
        double expected = (signal.Minus(target) * noise / step.Squared()).mean().item<float>() * 2;
        Assert.Equal(expected, student.Factor.grad!.item<float>(), 1e-3 * Math.Abs(expected));
    }

    [Fact]
    public void Times_out_of_order_and_students_of_another_kind_are_refused()
    {
        using var network = new ScaledInput(1, PredictionType.Sample);
        using var other = new ScaledInput(1, PredictionType.Epsilon);
        BootObjective Make(ScaledInput student, BootOptions options) => new(student, student, new TrueSignal(), Diffusion, Draw, options);
        Assert.Throws<ArgumentException>(() => Make(other, new BootOptions()));
        Assert.Throws<ArgumentException>(() => Make(network, new BootOptions { Step = 0 }));
        Assert.Throws<ArgumentException>(() => Make(network, new BootOptions { Step = 990 }));
        Assert.Throws<ArgumentException>(() => Make(network, new BootOptions { LastTime = 1001 }));
        Assert.Throws<ArgumentException>(() => Make(network, new BootOptions { BoundaryWeight = -1 }));
    }

    [Fact]
    public void A_difference_of_weights_comes_and_goes()
    {
        using ScaledInput target = new(0.2), tuned = new(0.9), original = new(0.5);
        WeightArithmetic.AddDifference(target, tuned, original, 0.5);
        Assert.Equal(0.4, target.Factor.item<float>(), 1e-6);
        WeightArithmetic.AddDifference(target, tuned, original, -0.5);
        Assert.Equal(0.2, target.Factor.item<float>(), 1e-6);
        WeightArithmetic.AddDifference(original, tuned, original);
        Assert.Equal(0.9, original.Factor.item<float>(), 1e-6);
        using var linear = new Millrace.Models.Layers.Linear(2, 2);
        Assert.Throws<ArgumentException>(() => WeightArithmetic.AddDifference(target, linear, original));
    }

    private static CoupledBatch Pairs(long step, SeededRandom random)
    {
        Tensor noise = random.Normal(Batch, 2, 1, 1);
        return new CoupledBatch(noise.Times(Deviation), noise, Conditioning.WithoutText(Batch));
    }

    private static (Tensor Noise, Conditioning Conditioning) Draw(SeededRandom random) => (random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));

    /// <summary>y_t = e (sqrt(a^2 S^2 + s^2) - s) / a, the signal of Gaussian data of deviation S.</summary>
    private sealed class TrueSignal : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Sample;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            (Tensor a, Tensor s) = Diffusion.Coefficients(t);
            return (x * (a.Squared().Times(Deviation * Deviation).Plus(s.Squared()).sqrt().Minus(s) / a)).MoveToOuterDisposeScope();
        }
    }
}
