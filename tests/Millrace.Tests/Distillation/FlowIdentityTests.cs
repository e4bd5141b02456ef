using Millrace.Distillation;
using Millrace.Evaluation;
using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

/// <summary>Identities of rectified flow, its improved training, rectified diffusion and InstaFlow on Gaussians.</summary>
public sealed class FlowIdentityTests
{
    private const double Mean = 1.5, Deviation = 0.4;
    private const int Rows = 256;

    private static readonly FlowProcess Flow = new();

    public static TheoryData<string> Schedules => ["linear", "scaled linear", "cosine", "flow"];

    [Fact]
    public void A_fine_solver_maps_noise_to_mean_plus_deviation_times_noise()
    {
        using var scope = NewDisposeScope();
        Tensor noise = Noise();
        var velocity = new GaussianDenoiser(Flow, PredictionType.Flow, Mean, Deviation);
        Tensor drawn = Follow(new Sampler(velocity, new HeunSolver(SigmaPath.Of(Flow), Steps(400))), noise);
        Assert.True(Golden.RelativeError(noise.Times(Deviation).Plus(Mean), drawn) < 1e-3);
    }

    [Fact]
    public void A_reflowed_Gaussian_is_straight_and_one_step_is_a_hundred()
    {
        using var scope = NewDisposeScope();
        Tensor noise = Noise();
        var straight = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation, coupled: true);
        var curved = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation);
        using var none = Conditioning.WithoutText(Rows);
        Assert.Equal(0, Straightness.Measure(straight, Flow, noise, none), 1e-9);
        Assert.True(Straightness.Measure(curved, Flow, noise, none) > 0.05);
        Tensor one = Follow(Euler(straight, 1), noise), hundred = Follow(Euler(straight, 100), noise);
        Assert.True(Golden.RelativeError(one, hundred) < 1e-5);
        Assert.True(Golden.RelativeError(noise.Times(Deviation), one) < 1e-5);
    }

    [Fact]
    public void Reflow_lowers_the_cost_of_transport_to_the_least_and_marginals_stay()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor noise = randn([20_000, 2, 1, 1], generator: generator), data = randn([20_000, 2, 1, 1], generator: generator).Times(Deviation);
        double Cost(Tensor to) => to.Minus(noise).Squared().mean().item<float>();
        Assert.Equal(1 + (Deviation * Deviation), Cost(data), 0.03);
        using var none = Conditioning.WithoutText(noise.shape[0]);
        var velocity = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation);
        Tensor x = noise;
        for (int step = 0; step < 100; step++)
        {
            double t = 1 - (step / 100.0);
            double variance = x.Squared().mean().item<float>();
            Assert.Equal(((1 - t) * (1 - t) * Deviation * Deviation) + (t * t), variance, 0.03);
            x = x.Minus(velocity.Predict(x, TensorArithmetic.Filled(1000 * t, CPU, noise.shape[0]), none).Times(0.01));
        }

        Assert.Equal((1 - Deviation) * (1 - Deviation), Cost(x), 0.02);

        // Euler's method is the solver that the library has for it.
        Assert.True(Golden.RelativeError(x, Follow(Euler(velocity, 100), noise)) < 1e-4);
    }

    [Fact]
    public void The_velocity_of_finitely_many_points_is_the_mean_over_all_that_pass_and_ends_on_them()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor points = tensor([-1f, 0.5f, 0.8f, 1f, 0.2f, -1.2f], [3, 2]);
        var velocity = new PointsVelocity(points);
        const double Time = 0.5;
        Tensor at = tensor([0.1f, -0.2f], [1, 2, 1, 1]), noise = randn([600_000, 2], generator: generator);
        Tensor samples = points.index_select(0, randint(0, 3, [600_000], dtype: int64, generator: generator));
        Tensor passing = samples.Times(1 - Time).Plus(noise.Times(Time)).Minus(at.view(1, 2)).Squared().sum([1]).IsBelow(0.01);
        Tensor mean = noise.Minus(samples)[passing].mean([0]), found = velocity.Predict(at, tensor([500f]), Conditioning.WithoutText(1)).view(2);
        Assert.True(found.Minus(mean).abs().max().item<float>() < 0.05);

        Tensor ends = Follow(Euler(velocity, 200), Noise()).flatten(1);
        (Tensor nearest, _) = cdist(ends, points).min(1);
        Assert.True(nearest.max().item<float>() < 1e-3);
    }

    [Fact]
    public void A_constant_velocity_moves_as_far_in_any_number_of_steps()
    {
        using var scope = NewDisposeScope();
        Tensor noise = Noise();
        var constant = new GaussianDenoiser(Flow, PredictionType.Flow, Mean, 1, coupled: true);
        foreach (int steps in new[] { 1, 3, 25 })
        {
            Assert.True(Golden.RelativeError(noise.Plus(Mean), Follow(Euler(constant, steps), noise)) < 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Schedules))]
    public void One_DDIM_step_is_a_thousand_where_the_noise_is_constant_along_the_path(string schedule)
    {
        using var scope = NewDisposeScope();
        IDiffusionProcess process = schedule switch
        {
            "linear" => new VariancePreservingProcess(BetaSchedule.Linear, 1e-4, 0.02),
            "scaled linear" => VariancePreservingProcess.StableDiffusion,
            "cosine" => new VariancePreservingProcess(BetaSchedule.Cosine),
            _ => Flow,
        };
        var oracle = new GaussianDenoiser(process, schedule == "flow" ? PredictionType.Flow : PredictionType.Epsilon, 0, Deviation, coupled: true);
        double last = schedule == "cosine" ? 980 : 999; // the very last cosine level holds next to no signal in single precision
        IReadOnlyList<NoiseInterval> Path(int steps) => NoiseInterval.Between(
            [.. Enumerable.Range(0, steps).Select(step => process.LevelAt(last * (steps - step) / steps)), new NoiseLevel(0, 1, 0)]);
        NoiseLevel first = process.LevelAt(last);
        Tensor start = Noise().Times((first.Alpha * Deviation) + first.Sigma);
        Tensor one = Follow(new Sampler(oracle, new DdimSolver(Path(1))), start), thousand = Follow(new Sampler(oracle, new DdimSolver(Path(1000))), start);
        Assert.True(Golden.RelativeError(one, thousand) < 1e-3);
        using var none = Conditioning.WithoutText(Rows);
        Assert.True(FirstOrderDefect.Measure(oracle, Path(20), Noise(), none) < 1e-6);
        Assert.True(FirstOrderDefect.Measure(new GaussianDenoiser(process, oracle.Prediction, 0, Deviation), Path(20), Noise(), none) > 1e-3);
    }

    [Fact]
    public void An_EDM_network_as_a_flow_denoises_as_it_did_and_steps_as_it_did()
    {
        using var scope = NewDisposeScope();
        var process = new EdmProcess(sigmaData: 0.7);
        using var network = new ScaledInput(0.3, PredictionType.Edm);
        var flow = new EdmAsFlow(network, process, Flow);
        Tensor z = Noise();
        using var none = Conditioning.WithoutText(Rows);
        foreach ((double t, double next) in new[] { (0.9, 0.6), (0.5, 0.2), (0.1, 0.02) })
        {
            Tensor velocity = flow.Predict(z, TensorArithmetic.Filled(1000 * t, CPU, Rows), none);
            var path = SigmaPath.Of(process);
            NoiseInterval step = new(path.At(t / (1 - t)), path.At(next / (1 - next)));
            var solver = new DdimSolver([step]);
            SolverState state = solver.Start(z.Times(1 / (1 - t)));
            Estimate estimate = new Sampler(network, solver).Ask(state, step.From, none);
            Assert.True(Golden.RelativeError(estimate.Sample, z.Minus(velocity.Times(t))) < 1e-4);
            Tensor stepped = solver.Step(state, estimate, _ => throw new InvalidOperationException()).X;
            Assert.True(Golden.RelativeError(stepped, z.Minus(velocity.Times(t - next)).Times(1 / (1 - next))) < 1e-4);
        }

        Assert.Throws<InvalidOperationException>(() => new EdmAsFlow(new ScaledInput(1), process, Flow).Predict(z, zeros(Rows), none));
    }

    [Fact]
    public void Steps_from_the_initial_noise_are_Eulers_for_one_step_and_exact_on_straight_paths()
    {
        using var scope = NewDisposeScope();
        Tensor noise = Noise();
        var curved = new GaussianDenoiser(Flow, PredictionType.Flow, Mean, Deviation);
        var straight = new GaussianDenoiser(Flow, PredictionType.Flow, 0, Deviation, coupled: true);
        Tensor Reanchored(IDenoiser denoiser, int steps) => Follow(new Sampler(denoiser, new ReanchoredSolver(Steps(steps))), noise);
        Assert.True(Golden.RelativeError(Follow(Euler(curved, 1), noise), Reanchored(curved, 1)) < 1e-6);
        Assert.True(Golden.RelativeError(Follow(Euler(curved, 2), noise), Reanchored(curved, 2)) < 1e-6);
        Assert.False(Golden.RelativeError(Follow(Euler(curved, 5), noise), Reanchored(curved, 5)) < 1e-3);
        Assert.True(Golden.RelativeError(noise.Times(Deviation), Reanchored(straight, 7)) < 1e-5);
    }

    [Fact]
    public void Guidance_between_Gaussians_of_one_width_is_the_flow_to_the_extrapolated_mean()
    {
        using var scope = NewDisposeScope();
        const double unconditional = -0.5, conditional = 1, scale = 2.5;
        Tensor x = Noise(), t = TensorArithmetic.Filled(640, CPU, Rows);
        var expected = new GaussianDenoiser(Flow, PredictionType.Flow, unconditional + (scale * (conditional - unconditional)), Deviation);
        using var none = new Conditioning(zeros(1, 0, 0)) { ClassLabels = zeros([1], ScalarType.Int64) };
        using var labels = new Conditioning(zeros(Rows, 0, 0)) { ClassLabels = ones([Rows], ScalarType.Int64) };
        var guided = new ClassifierFreeGuidance(
            new ByClass(new GaussianDenoiser(Flow, PredictionType.Flow, unconditional, Deviation), new GaussianDenoiser(Flow, PredictionType.Flow, conditional, Deviation)), none, scale);
        Assert.True(Golden.RelativeError(expected.Predict(x, t, labels), guided.Predict(x, t, labels)) < 1e-5);
    }

    private static Tensor Noise()
    {
        using var generator = new Generator(4);
        return randn([Rows, 2, 1, 1], generator: generator);
    }

    private static IReadOnlyList<NoiseInterval> Steps(int count) =>
        NoiseInterval.Between([.. Enumerable.Range(0, count + 1).Select(step => SigmaPath.Of(Flow).At(1 - ((double)step / count)))]);

    private static Sampler Euler(IDenoiser denoiser, int steps) => new(denoiser, new DdimSolver(Steps(steps)));

    private static Tensor Follow(Sampler sampler, Tensor start)
    {
        using var none = Conditioning.WithoutText(start.shape[0]);
        return sampler.Sample(start, none, _ => throw new InvalidOperationException());
    }

    private sealed class ByClass(params IDenoiser[] denoisers) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Flow;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            Tensor labels = conditioning.ClassLabels!.view(-1, 1, 1, 1);
            return where(labels.IsEqualTo(1), denoisers[1].Predict(x, t, conditioning), denoisers[0].Predict(x, t, conditioning)).MoveToOuterDisposeScope();
        }
    }

    /// <summary>The exact velocity of data that is a few points, equally likely: v = (x - E x_0) / t, with E x_0 by the likelihood of each.</summary>
    private sealed class PointsVelocity(Tensor points) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Flow;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            Tensor share = t.to(float32).Times(1e-3).view(-1, 1);
            Tensor distance = x.flatten(1).unsqueeze(1).Minus(share.TakenFrom(1).unsqueeze(2) * points.unsqueeze(0)).Squared().sum([2]);
            Tensor mean = (distance / share.Squared()).Times(-0.5).softmax(1).matmul(points);
            return (x.flatten(1).Minus(mean) / share).view(x.shape).MoveToOuterDisposeScope();
        }
    }
}
