using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Tests.Training;

/// <summary>The regression finds what theory says is its minimum.</summary>
public sealed class RegressionObjectiveTests
{
    private const int Batch = 200_000;
    private const double Deviation = 0.5;

    private static readonly FlowProcess Flow = new();

    public static TheoryData<double, double> Annealings => new() { { 0.25, 1 }, { 0.25, 0.6 }, { 0.25, 0 }, { 0.7, 0.6 }, { 0.7, 0 }, { 1, 0.3 } };

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.6)]
    [InlineData(0.95)]
    public void Independent_Gaussians_have_the_velocity_of_the_closed_form(double t)
    {
        // Rectified flow with t for noise: v = ((1 - u) - u s^2) / (u^2 s^2 + (1 - u)^2) x with u = 1 - t.
        double u = 1 - t, expected = (t - (u * Deviation * Deviation)) / ((u * u * Deviation * Deviation) + (t * t));
        Assert.Equal(expected, Minimum(Independent, t), 0.02);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.6)]
    [InlineData(1.0)]
    public void Pairs_of_a_Gaussian_have_the_velocity_of_a_straight_flow(double t) =>
        Assert.Equal((1 - Deviation) / (((1 - t) * Deviation) + t), Minimum(Coupled, t), 1e-3);

    [Theory]
    [MemberData(nameof(Annealings))]
    public void Annealed_pairs_have_the_velocity_of_the_closed_form(double t, double beta)
    {
        // SlimFlow, in its time u = 1 - t; its velocity points to the data.
        double u = 1 - t, s = Deviation, rho = Math.Sqrt(1 - (beta * beta));
        double expected = -((u * s * s) - (1 - u) + (s * rho * (1 - (2 * u)))) / ((u * u * s * s) + ((1 - u) * (1 - u)) + (2 * u * (1 - u) * s * rho));
        long steps = 1000;
        Coupling annealed = new NoiseAnnealing(steps).Apply(Coupled);
        Assert.Equal(expected, Minimum((_, random) => annealed((long)Math.Round((1 - beta) * steps), random), t), 0.02);
    }

    [Fact]
    public void A_shift_is_learned_exactly()
    {
        using var scope = NewDisposeScope();
        var constant = new GaussianDenoiser(Flow, PredictionType.Flow, 3, 1, coupled: true);
        using var network = new ScaledInput(1);
        var objective = new RegressionObjective(network, constant, Flow, (_, random) =>
        {
            Tensor noise = random.Normal(64, 2, 1, 1);
            return new CoupledBatch(noise.Plus(3), noise, Conditioning.WithoutText(64));
        });
        Assert.Equal(0, objective.Loss(new TrainingDraw(0, 1)).item<float>(), 1e-9);
    }

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.VPrediction)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Flow)]
    [InlineData(PredictionType.Edm)]
    public void A_network_that_knows_the_pairs_has_no_loss_whatever_it_predicts(PredictionType prediction)
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(1);
        var process = VariancePreservingProcess.StableDiffusion;
        var oracle = new GaussianDenoiser(process, prediction, 0, Deviation, coupled: true);
        foreach (bool inSampleSpace in new[] { false, true })
        {
            var objective = new RegressionObjective(network, oracle, process, Coupled) { TimeLaw = new UniformTimeLaw(0.05, 0.9), InSampleSpace = inSampleSpace };
            Assert.Equal(0, objective.Loss(new TrainingDraw(0, 1)).item<float>(), 1e-6);
        }
    }

    [Fact]
    public void Noise_error_and_sample_error_differ_by_the_noise_ratio()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(0.3, PredictionType.Epsilon);
        var process = VariancePreservingProcess.StableDiffusion;
        var objective = new RegressionObjective(network, network, process, Independent) { TimeLaw = new UniformTimeLaw(0.5, 0.5) };
        var inSampleSpace = new RegressionObjective(network, network, process, Independent) { TimeLaw = new UniformTimeLaw(0.5, 0.5), InSampleSpace = true };
        NoiseLevel level = process.LevelAt(0.5 * 999);
        double ratio = inSampleSpace.Loss(new TrainingDraw(0, 1)).item<float>() / objective.Loss(new TrainingDraw(0, 1)).item<float>();
        Assert.Equal(level.NoiseRatio * level.NoiseRatio, ratio, 1e-3 * ratio);
    }

    [Fact]
    public void An_EDM_network_is_asked_in_its_own_coordinates()
    {
        using var scope = NewDisposeScope();
        var process = new EdmProcess(sigmaData: Deviation);
        using var network = new ScaledInput(0, PredictionType.Edm);
        // For data of variance d^2 the best F is 0 everywhere: c_skip x is the whole answer.
        var law = new LogNormalTimeLaw(process, 0, 1);
        Assert.Equal(0, Minimum(Independent, law, process, PredictionType.Edm), 0.01);
    }

    [Fact]
    public void No_tensor_stays_behind()
    {
        using var network = new ScaledInput(0.5);
        var objective = new RegressionObjective(network, network, Flow, (_, random) =>
            new CoupledBatch(random.Normal(8, 2, 1, 1), random.Normal(8, 2, 1, 1), Conditioning.WithoutText(8)));
        Living.StaysConstant(() => objective.Loss(new TrainingDraw(0, 1)).Dispose());
    }

    private static CoupledBatch Independent(long step, SeededRandom random) =>
        new(random.Normal(Batch, 1, 1, 1).Times(Deviation), random.Normal(Batch, 1, 1, 1), Conditioning.WithoutText(Batch));

    private static CoupledBatch Coupled(long step, SeededRandom random)
    {
        Tensor noise = random.Normal(Batch, 1, 1, 1);
        return new CoupledBatch(noise.Times(Deviation), noise, Conditioning.WithoutText(Batch));
    }

    private static double Minimum(Coupling coupling, double t) => Minimum(coupling, new UniformTimeLaw(t, t), Flow, PredictionType.Flow);

    /// <summary>The c of least loss among predictions c x: the loss is a parabola in c.</summary>
    private static double Minimum(Coupling coupling, TimeLaw law, IDiffusionProcess process, PredictionType prediction)
    {
        double At(double c)
        {
            using var scope = NewDisposeScope();
            using var network = new ScaledInput(c, prediction);
            return new RegressionObjective(network, network, process, coupling) { TimeLaw = law }.Loss(new TrainingDraw(0, 1)).item<float>();
        }

        (double left, double middle, double right) = (At(-1), At(0), At(1));
        return (left - right) / (2 * (left - (2 * middle) + right));
    }
}
