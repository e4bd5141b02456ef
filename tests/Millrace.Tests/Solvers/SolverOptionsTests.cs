using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Tests.Solvers;

public sealed class SolverOptionsTests
{
    private static readonly SigmaPath Path = SigmaPath.Of(VariancePreservingProcess.StableDiffusion);
    private static readonly NoiseLevel[] Levels = SolverCase.Preserving([5, 2, 1, 0]);

    public static TheoryData<string, Action> Refused => new()
    {
        { "eta must be in [0, 1], got 1.5", () => _ = new DdimSolver(NoiseInterval.Between(Levels), eta: 1.5) },
        { "eta must be in [0, 1], got NaN", () => _ = new Dpm2Solver(Path, Levels, double.NaN) },
        { "got those of a flow", () => _ = new Dpm2Solver(SigmaPath.Of(new FlowProcess()), Levels) },
        { "Levels must be at least two, a first and an end, got 1", () => _ = new DpmSolver(Levels[..1], new()) },
        { "Order must be in 1..3, got 4", () => _ = new DpmSolver(Levels, new() { Order = 4 }) },
        { "divisible by the order 2, got 3", () => _ = new DpmSinglestepSolver(Levels, new() { LowerOrderFinal = false }) },
        { "A step to sigma 0 must be of order 1", () => _ = new DpmSinglestepSolver(Levels[1..], new() { LowerOrderFinal = false }) },
        { "Order must be in 1..9, got 0", () => _ = new UniPCSolver(Levels, new() { Order = 0 }) },
        { "The order must be in 1..4, got 5", () => _ = new LmsSolver(Path, Levels, 5) },
        { "gamma must be in [0, 1], got -1", () => _ = new TcdSolver(VariancePreservingProcess.StableDiffusion, [999], -1) },
        { "A solver needs at least one level", () => _ = new LcmSolver([]) },
        { "PNDM needs at least 4 steps, got 2", () => _ = PndmEvaluation.RungeKuttaFirst([500, 0], 500, _ => Levels[0]) },
        { "0 < smallest < largest, got 2 and 1", () => _ = new RungeKutta45Solver(Path, 1, 2) },
        { "The tolerance must be above 0, got 0", () => _ = new RungeKutta45Solver(Path, 2, 1, 0) },
        { "0 < SigmaMin < SigmaMax", () => _ = HeunSolver.Restart(Path, [5, 1, 0], new RestartInterval(2, 1)) },
        { "A restart must lie above the smallest sigma", () => _ = HeunSolver.Restart(Path, [5, 1, 0], new RestartInterval(0.1, 1)) },
        { "Amount >= 0, 0 <= SigmaMin <= SigmaMax and NoiseScale > 0, got -1", () => _ = HeunSolver.Churned(Path, Levels, new StochasticChurn(-1)) },
        { "got those of a flow", () => _ = HeunSolver.Churned(SigmaPath.Of(new FlowProcess()), Levels, new StochasticChurn(1)) },
        { "got those of a flow", () => _ = new DpmSdeSolver(SigmaPath.Of(new FlowProcess()), Levels) },
        { "The range must be above 0, got 0", () => _ = SampleConstraint.Clip(0) },
        { "The quantile must be in (0, 1]", () => _ = SampleConstraint.Threshold(2) },
        { "There must be one seed for each row, got none", () => _ = new SeededNoise() },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_bad_option_is_refused_in_one_sentence(string message, Action make)
    {
        Exception error = Assert.ThrowsAny<ArgumentException>(make);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void A_finished_sample_takes_no_step()
    {
        using var scope = NewDisposeScope();
        var solver = new DdimSolver(NoiseInterval.Between(Levels));
        SolverState state = new(3, zeros(1), []);

        Assert.Null(solver.Next(state));
        Assert.Throws<InvalidOperationException>(() => solver.Step(state, new Estimate(PredictionType.Sample, zeros(1), zeros(1), zeros(1)), zeros_like_of => zeros(1)));
    }

    [Fact]
    public void Seeds_and_rows_must_agree()
    {
        using var noise = new SeededNoise(1, 2);
        using Tensor three = zeros(3, 4);
        Assert.Contains("2 seeds, 3 rows", Assert.Throws<ArgumentException>(() => noise.Draw(three)).Message);
    }
}
