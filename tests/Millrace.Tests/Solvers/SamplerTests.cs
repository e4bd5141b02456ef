using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Streaming;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

public sealed class SamplerTests
{
    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    [Fact]
    public void Tells_its_progress_with_a_preview()
    {
        using var scope = NewDisposeScope();
        using var denoiser = new RowDenoiser(4, 8);
        var seen = new List<(int, int?, double)>();
        var sampler = new Sampler(denoiser, DdimSolver.Leading(Process, 4));
        Tensor _ = sampler.Sample(randn(2, 4, 8, 8), new Conditioning(randn(2, 3, 8)), like => randn_like(like), new Handler(report =>
        {
            Assert.Equal([2, 4, 8, 8], report.Sample.shape);
            seen.Add((report.Evaluations, report.Of, report.Level.Timestep));
        }));

        Assert.Equal([(1, 4, 751), (2, 4, 501), (3, 4, 251), (4, 4, 1)], seen);
    }

    [Fact]
    public void Stops_between_two_evaluations_and_leaves_nothing_behind()
    {
        using var scope = NewDisposeScope();
        using var denoiser = new RowDenoiser(4, 8);
        using var stop = new CancellationTokenSource();
        var sampler = new Sampler(denoiser, DdimSolver.Leading(Process, 50));
        Tensor x = randn(2, 4, 8, 8), text = randn(2, 3, 8);

        Assert.Throws<OperationCanceledException>(() =>
            sampler.Sample(x, new Conditioning(text), like => randn_like(like), new Handler(report => stop.Cancel()), cancellationToken: stop.Token));
        Assert.Equal(1, denoiser.Calls);
    }

    [Fact]
    public void A_failing_network_leaves_nothing_behind() => Support.Living.StaysConstant(() =>
    {
        using Tensor x = randn(2, 4, 8, 8), text = randn(2, 3, 8);
        var sampler = new Sampler(new ThirdCallFails(), new UniPCSolver([.. TimestepGrids.Spaced(TimestepSpacing.Trailing, 6, 1000).Select(t => Process.LevelAt(t)), new(0, 1, 0)], new()));
        Assert.Throws<IOException>(() => sampler.Sample(x, new Conditioning(text), like => randn_like(like)));
    }, repeats: 5);

    [Fact]
    public void Inversion_and_sampling_undo_one_another()
    {
        using var scope = NewDisposeScope();
        NoiseLevel[] levels = [.. TimestepGrids.Spaced(TimestepSpacing.Trailing, 500, 1000).Select(t => Process.LevelAt(t))];
        var world = ToyWorld.TwoModes;
        Tensor start = tensor(new double[] { -1.3, -0.6, 0.5, 1.1 }).view(4, 1, 1, 1);
        Tensor noised = world.Run(DdimSolver.Inversion(levels), start, like => zeros_like(like));
        Tensor back = world.Run(new DdimSolver(NoiseInterval.Between(levels)), noised, like => zeros_like(like));

        Assert.True(back.Minus(start).abs().max().item<double>() < 0.02);
    }

    [Fact]
    public void An_adaptive_solver_asks_more_for_less_error()
    {
        using var scope = NewDisposeScope();
        var world = ToyWorld.TwoModes;
        Tensor start = tensor(new double[] { -1.3, -0.6, 0.5, 1.1 }).view(4, 1, 1, 1).Times(5), expected = world.Flow(start, 5, 0.2);
        int before = 0;
        foreach (double tolerance in new[] { 1e-3, 1e-5, 1e-7 })
        {
            var solver = new RungeKutta45Solver(SigmaPath.Of(Process), 5, 0.2, tolerance);
            SolverState state = solver.Start(start), last = state;
            while (solver.Next(state) is { } level)
            {
                last = state;
                state = solver.Step(state, Estimate.Of(PredictionType.Sample, world.CleanSample(state.X, level.Alpha, level.Sigma), state.X, level), like => like);
            }

            Assert.True(state.Position > before && state.Position < 400);
            Assert.True(last.X.Minus(expected).abs().max().item<double>() < 20 * tolerance);
            before = state.Position;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    public void Ancestral_sampling_of_Gaussian_data_has_its_spread(double eta)
    {
        using var scope = NewDisposeScope();
        NoiseLevel[] levels = [.. TimestepGrids.Spaced(TimestepSpacing.Trailing, 500, 1000).Select(t => Process.LevelAt(t)), new(0, 1, 0)];
        using var noise = new SeededNoise(7);
        Tensor start = noise.Draw(zeros(1, 20000, dtype: float64));
        Tensor result = ToyWorld.Gaussian.Run(new DdimSolver(NoiseInterval.Between(levels), eta), start, noise.Draw);

        Assert.InRange(result.std().item<double>(), ToyWorld.Gaussian.Spread - 0.015, ToyWorld.Gaussian.Spread + 0.015);
    }

    private sealed class ThirdCallFails : IDenoiser
    {
        private int _calls;

        public PredictionType Prediction => PredictionType.VPrediction;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => ++_calls < 3 ? x.tanh() : throw new IOException("the network failed");
    }

    private sealed class Handler(Action<SamplingProgress> handle) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => handle(value);
    }
}
