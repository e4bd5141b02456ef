using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

/// <summary>Phases of first-order trajectories, on Gaussian data.</summary>
public sealed class PhasedObjectiveTests
{
    private const int Batch = 1024;
    private const double Mean = 0.4, Deviation = 0.6;

    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Linear, 0.00085, 0.012);

    [Fact]
    public void A_teacher_of_first_order_has_no_loss()
    {
        using var scope = NewDisposeScope();
        using var network = new ScaledInput(1);
        var straight = new GaussianDenoiser(Process, PredictionType.Epsilon, Mean, Deviation, coupled: true);
        var objective = new PhasedObjective(network, straight, straight, Process, Data, phases: 4, steps: 10) { Premetric = Premetrics.SquaredError };
        Assert.Equal(0, objective.Loss(new TrainingDraw(0, 3)).item<float>(), 1e-7);

        var curved = new GaussianDenoiser(Process, PredictionType.Epsilon, Mean, Deviation);
        Assert.True(new PhasedObjective(network, curved, curved, Process, Data, 4, 10) { Premetric = Premetrics.SquaredError }.Loss(new TrainingDraw(0, 3)).item<float>() > 1e-4);
    }

    [Fact]
    public void The_line_passes_through_both_ends_and_one_step_of_the_teacher_is_its_own()
    {
        using var scope = NewDisposeScope();
        LevelRows At(double share) => LevelRows.At(Process, TensorArithmetic.Filled(share, CPU, Batch));
        (LevelRows start, LevelRows end) = (At(0.9), At(0.3));
        Tensor noisy = randn(Batch, 2, 1, 1), clean = randn(Batch, 2, 1, 1);
        Assert.True(Golden.RelativeError(noisy, PhasedObjective.Line(noisy, start, clean, end, start)) < 1e-5);
        Assert.True(Golden.RelativeError(clean, PhasedObjective.Line(noisy, start, clean, end, end)) < 1e-4);

        // With one step a phase the noise that joins the ends is what the teacher says at the start.
        using var network = new ScaledInput(1);
        var curved = new GaussianDenoiser(Process, PredictionType.Epsilon, Mean, Deviation);
        (NoiseLevel from, NoiseLevel to) = (Process.LevelAt(899), Process.LevelAt(299));
        var solver = new DdimSolver([new NoiseInterval(from, to)]);
        SolverState state = solver.Start(noisy);
        using var none = Conditioning.WithoutText(Batch);
        Estimate estimate = new Sampler(curved, solver).Ask(state, from, none);
        Tensor stepped = solver.Step(state, estimate, _ => throw new InvalidOperationException()).X;
        LevelRows Rows(double timestep) => LevelRows.At(Process, TensorArithmetic.Filled(timestep / 999, CPU, Batch));
        Tensor middle = PhasedObjective.Line(noisy, Rows(899), stepped, Rows(299), Rows(600));
        NoiseLevel level = Process.LevelAt(600);
        Tensor expected = estimate.Sample.Times(level.Alpha).Plus(estimate.Noise.Times(level.Sigma));
        Assert.True(Golden.RelativeError(expected, middle) < 1e-4);
    }

    [Fact]
    public void Pure_noise_and_no_phases_are_refused_and_nothing_stays_behind()
    {
        using var network = new ScaledInput(0.3, PredictionType.Epsilon);
        Assert.Contains("some signal", Assert.Throws<ArgumentException>(() => new PhasedObjective(network, network, network, new FlowProcess(), Data, 4, 10)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhasedObjective(network, network, network, Process, Data, 0, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhasedObjective(network, network, network, Process, Data, 4, 0));
        var objective = new PhasedObjective(network, network, network, Process, Data, 2, 2);
        Living.StaysConstant(() => objective.Loss(new TrainingDraw(0, 3)).Dispose(), repeats: 5);
    }

    private static CoupledBatch Data(long step, SeededRandom random) =>
        new(random.Normal(Batch, 2, 1, 1).Times(Deviation).Plus(Mean), random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));
}
