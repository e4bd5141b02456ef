using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Distillation;

/// <summary>Gradients through samplers, in double precision.</summary>
public sealed class FlowGradientTests : IDisposable
{
    private const int Rows = 3;
    private const double First = 20, Last = 980, Deviation = 0.6;

    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Linear, 1e-4, 0.02);

    private readonly TinyNoise _network = new();
    private readonly Tensor _noise;

    public FlowGradientTests()
    {
        using var generator = new Generator(5);
        _noise = randn([Rows, 2, 1, 1], dtype: float64, generator: generator).DetachFromDisposeScope();
    }

    public static TheoryData<string> Methods => ["euler", "midpoint", "classical"];

    public void Dispose()
    {
        _noise.Dispose();
        _network.Dispose();
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Checkpointed_gradients_are_those_of_autograd(string method)
    {
        using var scope = NewDisposeScope();
        using Conditioning condition = Condition();
        Tensor[] parameters = [.. _network.parameters(), condition.ClassLabels!];
        foreach (ProbabilityFlow flow in new[] { ProbabilityFlow.WithoutDrift(_network, Process, 7, First, Last), ProbabilityFlow.InTime(_network, Process, 7, First, Last) })
        {
            var gradient = new FlowGradient(flow, Method(method));
            FlowGradients full = gradient.Full(_noise, condition, Loss, parameters), checkpointed = gradient.Checkpointed(_noise, condition, Loss, parameters);
            Assert.Equal(full.Loss, checkpointed.Loss, 1e-12);
            Assert.True(Error(full.Noise, checkpointed.Noise) < 1e-10);
            Assert.All(full.Parameters.Zip(checkpointed.Parameters), pair => Assert.True(Error(pair.First, pair.Second) < 1e-10));
        }
    }

    [Theory]
    [InlineData("euler", 1)]
    [InlineData("midpoint", 2)]
    [InlineData("classical", 4)]
    public void The_adjoint_comes_closer_with_the_order_of_the_method(string method, int order)
    {
        using var scope = NewDisposeScope();
        using Conditioning condition = Condition();
        Tensor[] parameters = [.. _network.parameters(), condition.ClassLabels!];
        FlowGradient Flow(int steps, string with) => new(ProbabilityFlow.WithoutDrift(_network, Process, steps, 200, 900), Method(with));
        FlowGradients exact = Flow(800, "classical").Checkpointed(_noise, condition, Loss, parameters);
        double At(int steps)
        {
            FlowGradients found = Flow(steps, method).Adjoint(_noise, condition, Loss, parameters);
            return Math.Max(Error(exact.Noise, found.Noise), exact.Parameters.Zip(found.Parameters).Max(pair => Error(pair.First, pair.Second)));
        }

        int steps = order == 4 ? 20 : 80;
        Assert.InRange(Math.Log2(At(steps) / At(2 * steps)), order - 0.35, order + 0.6);
    }

    [Fact]
    public void On_Gaussian_data_the_gradient_is_that_of_the_closed_form()
    {
        using var scope = NewDisposeScope();
        using var none = Conditioning.WithoutText(Rows);
        var data = new GaussianDenoiser(Process, PredictionType.Epsilon, 0, Deviation);
        (double alpha, double sigma) = Process.Coefficients(Last);
        (double endAlpha, double endSigma) = Process.Coefficients(First);
        double expected = Math.Sqrt(((endAlpha * endAlpha * Deviation * Deviation) + (endSigma * endSigma)) / ((alpha * alpha * Deviation * Deviation) + (sigma * sigma)));
        var gradient = new FlowGradient(ProbabilityFlow.WithoutDrift(data, Process, 200, First, Last), RungeKuttaMethod.Classical);
        foreach (FlowGradients found in new[] { gradient.Adjoint(_noise, none, sample => sample.sum(), []), gradient.Checkpointed(_noise, none, sample => sample.sum(), []) })
        {
            Assert.All(found.Noise.data<double>().ToArray(), value => Assert.Equal(expected, value, 1e-4 * expected));
        }
    }

    [Fact]
    public void Noise_that_does_not_depend_on_y_passes_the_gradient_on_and_collects_its_own_over_the_steps()
    {
        using var scope = NewDisposeScope();
        using var none = Conditioning.WithoutText(Rows);
        using var constant = new ConstantNoise();
        var flow = ProbabilityFlow.WithoutDrift(constant, Process, 9, First, Last);
        Tensor weight = constant.Value;
        foreach (RungeKuttaMethod method in new[] { RungeKuttaMethod.Euler, RungeKuttaMethod.Classical })
        {
            FlowGradients found = new FlowGradient(flow, method).Adjoint(_noise, none, sample => sample.sum(), [weight]);
            double scale = flow.StartScale * flow.EndScale, way = flow.Grid[^1] - flow.Grid[0];
            Assert.All(found.Noise.data<double>().ToArray(), value => Assert.Equal(scale, value, 1e-12 * scale));
            Assert.Equal(flow.EndScale * way * Rows * 2, found.Parameters[0].item<double>(), 1e-9 * Math.Abs(way));
        }
    }

    [Fact]
    public void An_Euler_step_without_drift_is_a_DDIM_step()
    {
        using var scope = NewDisposeScope();
        using Conditioning condition = Condition();
        var flow = ProbabilityFlow.WithoutDrift(_network, Process, 1, First, Last);
        var path = SigmaPath.Of(Process);
        var solver = new DdimSolver([new NoiseInterval(path.At(flow.Grid[0]), path.At(flow.Grid[1]))]);
        Tensor expected = SamplerGradient.Sample(_network, solver, _noise.Times(flow.StartScale), condition).Times(flow.EndScale);
        Assert.True(Error(expected, new FlowGradient(flow, RungeKuttaMethod.Euler).Sample(_noise, condition)) < 1e-6);
    }

    [Fact]
    public void A_sampler_that_remembers_has_its_gradient_too()
    {
        using var scope = NewDisposeScope();
        using Conditioning condition = Condition();
        var path = SigmaPath.Of(Process);
        NoiseLevel[] levels = [.. new[] { 20.0, 6, 2, 0.7, 0.1, 0 }.Select(path.At)];
        foreach (ISolver solver in new ISolver[] { new HeunSolver(path, NoiseInterval.Between(levels)), new LmsSolver(path, levels) })
        {
            Tensor leaf = _noise.clone().requires_grad_();
            _network.zero_grad();
            Loss(SamplerGradient.Sample(_network, solver, leaf, condition)).backward();
            Tensor[] expected = [leaf.grad!.clone(), .. _network.parameters().Select(parameter => parameter.grad!.clone())];
            _network.zero_grad();
            (double _, Tensor gradient) = SamplerGradient.Checkpointed(_network, solver, _noise, condition, Loss);
            Tensor[] found = [gradient, .. _network.parameters().Select(parameter => parameter.grad!)];
            Assert.All(expected.Zip(found), pair => Assert.True(Error(pair.First, pair.Second) < 1e-6));
        }
    }

    [Fact]
    public void What_has_no_gradient_is_refused()
    {
        using var scope = NewDisposeScope();
        using Conditioning condition = Condition();
        var gradient = new FlowGradient(ProbabilityFlow.WithoutDrift(_network, Process, 2, First, Last), RungeKuttaMethod.Euler);
        Assert.Throws<ArgumentException>(() => gradient.Checkpointed(_noise, condition, sample => sample, []));
        Assert.Throws<ArgumentException>(() => gradient.Adjoint(_noise, condition, sample => sample.detach().sum(), []));
        Assert.Throws<ArgumentException>(() => ProbabilityFlow.InTime(new GaussianDenoiser(Process, PredictionType.Sample, 0, 1), Process, 2, First, Last));
        var path = SigmaPath.Of(Process);
        var noisy = new DdimSolver([new NoiseInterval(path.At(5), path.At(1))], eta: 1);
        Assert.Contains("adds noise", Assert.Throws<InvalidOperationException>(() => SamplerGradient.Sample(_network, noisy, _noise, condition)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_tensor_stays_behind()
    {
        using Conditioning condition = Condition();
        var gradient = new FlowGradient(ProbabilityFlow.WithoutDrift(_network, Process, 3, First, Last), RungeKuttaMethod.Midpoint);
        Living.StaysConstant(
            () =>
            {
                gradient.Adjoint(_noise, condition, Loss, []).Dispose();
                gradient.Checkpointed(_noise, condition, Loss, []).Dispose();
                gradient.Full(_noise, condition, Loss, []).Dispose();
            },
            repeats: 5);
    }

    private static RungeKuttaMethod Method(string name) => name switch
    {
        "euler" => RungeKuttaMethod.Euler,
        "midpoint" => RungeKuttaMethod.Midpoint,
        _ => RungeKuttaMethod.Classical,
    };

    private static Conditioning Condition() =>
        new(zeros(Rows, 0, 0)) { ClassLabels = linspace(-0.5, 0.5, Rows * 2, dtype: float64).view(Rows, 2).requires_grad_() };

    private static Tensor Loss(Tensor sample) => sample.Plus(-0.3).Squared().sum();

    private static double Error(Tensor expected, Tensor found) =>
        expected.Minus(found).abs().max().item<double>() / Math.Max(1e-12, expected.abs().max().item<double>());

    /// <summary>A smooth network with a condition of two numbers a row.</summary>
    private sealed class TinyNoise : Module<Tensor, Tensor>, IDenoiser
    {
        private readonly TorchSharp.Modules.Parameter _in, _out;

        public TinyNoise()
            : base(nameof(TinyNoise))
        {
            using var generator = new Generator(9);
            _in = new TorchSharp.Modules.Parameter(randn([3, 8], dtype: float64, generator: generator).Times(0.7));
            _out = new TorchSharp.Modules.Parameter(randn([8, 2], dtype: float64, generator: generator).Times(0.4));
            RegisterComponents();
        }

        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            Tensor input = cat([x.flatten(1).Plus(conditioning.ClassLabels!), t.to(float64).Times(1e-3).unsqueeze(1)], 1);
            return input.matmul(_in).tanh().matmul(_out).view(x.shape).MoveToOuterDisposeScope();
        }

        public override Tensor forward(Tensor input) => throw new NotSupportedException();
    }

    private sealed class ConstantNoise : IDenoiser, IDisposable
    {
        public Tensor Value { get; } = TensorArithmetic.Filled(0.3, CPU, 1).to(float64).requires_grad_();

        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => Value * ones_like(x);

        public void Dispose() => Value.Dispose();
    }
}
