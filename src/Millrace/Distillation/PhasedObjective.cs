using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Makes a teacher's trajectories first-order exact within phases, without stored pairs: within each phase the student learns the one noise that
/// joins both ends of the teacher's way through it, so that one DDIM step a phase is enough.
/// </summary>
/// <remarks>
/// Wang et al. 2024, arXiv 2410.07303, in its published code (phased). With n = sigma / alpha and y = x / alpha a DDIM step is a straight line
/// y_s + (n - n_s) e; e* = (y_p - y_s) / (n_p - n_s) joins the noisy end s and the clean end p of a phase.
/// </remarks>
public sealed class PhasedObjective : IObjective
{
    private readonly Module _network;
    private readonly IDenoiser _student;
    private readonly IDenoiser _teacher;
    private readonly IDiffusionProcess _process;
    private readonly Coupling _data;
    private readonly int _phases;
    private readonly int _steps;

    /// <summary>Prepares the distillation.</summary>
    /// <param name="network">What is trained; begins as the teacher.</param>
    /// <param name="student">The network as a denoiser, under autograd.</param>
    /// <param name="teacher">Frozen; with guidance where samples shall have it.</param>
    /// <param name="process">Their process; some signal must be left at its end.</param>
    /// <param name="data">Data with independent noise.</param>
    /// <param name="phases">Phases, at least 1: the steps that the student will be sampled with.</param>
    /// <param name="steps">The teacher's DDIM steps within a phase, at least 1.</param>
    /// <exception cref="ArgumentException">Where a number is out of range, or the process ends in pure noise, from which no line leads.</exception>
    public PhasedObjective(Module network, IDenoiser student, IDenoiser teacher, IDiffusionProcess process, Coupling data, int phases, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(phases, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(process.Coefficients(process.TimeRange.Last).Alpha > 0))
        {
            throw new ArgumentException("The process must leave some signal at its last time: from pure noise no first-order line leads to a sample.", nameof(process));
        }

        (_network, _student, _teacher, _process, _data, _phases, _steps) = (network, student, teacher, process, data, phases, steps);
    }

    /// <summary>Distance of the states at the clean ends of the phases.</summary>
    public Premetric Premetric { get; init; } = Premetrics.ElementwisePseudoHuber();

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", _network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        CoupledBatch batch = _data(draw.Step, random);
        draw.Samples = batch.Names;
        long rows = batch.Sample.shape[0];
        Tensor phase = random.Integers(_phases, rows).to(float32), within = random.Uniform(rows).TakenFrom(1); // (0, 1]
        LevelRows start = At(phase.Plus(1)), end = At(phase), between = At(phase.Plus(within));
        Tensor noisy = start.Noised(batch.Sample, batch.Noise), clean = Follow(noisy, phase, batch.Conditioning);
        Tensor x = Line(noisy, start, clean, end, between);
        Tensor found = Jump(x, between, Noise(_student, x, between, batch.Conditioning), end);
        return Premetric(found, clean).mean().MoveToOuterDisposeScope();
    }

    /// <summary>The point at a level on the line through both ends of a phase.</summary>
    internal static Tensor Line(Tensor noisy, LevelRows start, Tensor clean, LevelRows end, LevelRows level)
    {
        Tensor joining = (clean / end.Alpha).Minus(noisy / start.Alpha) / Ratio(end).Minus(Ratio(start));
        return Jump(noisy, start, joining, level);
    }

    private static Tensor Jump(Tensor x, LevelRows from, Tensor noise, LevelRows to) => to.Alpha * (x / from.Alpha).Plus(Ratio(to).Minus(Ratio(from)) * noise);

    private static Tensor Ratio(LevelRows level) => level.Sigma / level.Alpha;

    private static Tensor Noise(IDenoiser denoiser, Tensor x, LevelRows level, Conditioning conditioning)
    {
        Tensor seen = x * level.InputScale;
        return PredictionConversion.ToEpsilon(denoiser.Prediction, denoiser.Predict(seen, level.Time, conditioning), seen, level.SampleScale, level.NoiseScale);
    }

    /// <summary>The teacher's way through each row's phase.</summary>
    private Tensor Follow(Tensor noisy, Tensor phase, Conditioning conditioning)
    {
        using IDisposable noGrad = no_grad();
        Tensor x = noisy;
        for (int step = _steps; step > 0; step--)
        {
            LevelRows from = At(phase.Plus((double)step / _steps)), to = At(phase.Plus((step - 1.0) / _steps));
            x = Jump(x, from, Noise(_teacher, x, from, conditioning), to);
        }

        return x;
    }

    private LevelRows At(Tensor place) => LevelRows.At(_process, place.Times(1.0 / _phases));
}
