using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Trains a network to give the same clean sample all along a trajectory, so that one call is enough: its answer at a time is held to its own
/// answer at the next time nearer to data, and at the first time to the sample itself.
/// </summary>
/// <remarks>
/// Song et al. 2023, arXiv 2303.01469: with a teacher, whose DDIM step leads to the next time, consistency distillation (algorithm 2);
/// without one the next time is reached with the same sample and noise, consistency training (algorithm 3). The target is the student's own,
/// without gradients (Song and Dhariwal 2023, arXiv 2310.14189, section 3.2); Luo et al. 2023, arXiv 2310.04378, for a guided teacher in
/// latents.
/// </remarks>
/// <param name="network">What is trained.</param>
/// <param name="student">The network as a denoiser, under autograd; its estimate of the clean sample is what is consistent.</param>
/// <param name="teacher">Frozen; with guidance where samples shall have it. Null to train without one.</param>
/// <param name="process">Their process.</param>
/// <param name="data">Data with independent noise.</param>
/// <param name="intervals">N: times are 0, 1 / N, ..., 1 of the process's range; at least 1.</param>
public sealed class ConsistencyObjective(Module network, IDenoiser student, IDenoiser? teacher, IDiffusionProcess process, Coupling data, int intervals) : IObjective
{
    private readonly int _intervals = intervals >= 1 ? intervals : throw new ArgumentOutOfRangeException(nameof(intervals), $"Intervals must be at least 1, got {intervals}.");

    /// <summary>Distance of clean samples.</summary>
    public Premetric Premetric { get; init; } = Premetrics.PseudoHuber();

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
        CoupledBatch batch = data(draw.Step, random);
        draw.Samples = batch.Names;
        Tensor interval = random.Integers(_intervals, batch.Sample.shape[0]);
        LevelRows here = At(interval.Plus(1)), next = At(interval);
        Tensor x = here.Noised(batch.Sample, batch.Noise);
        Tensor target = Target(x, here, next, interval, batch);
        return Premetric(Estimate(student, x, here, batch.Conditioning).Sample, target).mean().MoveToOuterDisposeScope();

        LevelRows At(Tensor place) => LevelRows.At(process, place.to(float32).Times(1.0 / _intervals));
    }

    private Tensor Target(Tensor x, LevelRows here, LevelRows next, Tensor interval, CoupledBatch batch)
    {
        using IDisposable noGrad = no_grad();
        (Tensor sample, Tensor noise) = teacher is null ? (batch.Sample, batch.Noise) : Estimate(teacher, x, here, batch.Conditioning);
        Tensor moved = next.Noised(sample, noise);
        return where(interval.IsEqualTo(0).view(-1, 1, 1, 1), moved / next.Alpha, Estimate(student, moved, next, batch.Conditioning).Sample);
    }

    private static (Tensor Sample, Tensor Noise) Estimate(IDenoiser denoiser, Tensor x, LevelRows level, Conditioning conditioning)
    {
        Tensor seen = x * level.InputScale, output = denoiser.Predict(seen, level.Time, conditioning);
        Tensor sample = PredictionConversion.ToSample(denoiser.Prediction, output, seen, level.SampleScale, level.NoiseScale) * level.DataScale;
        return (sample, x.Minus(level.Alpha * sample) / level.Sigma);
    }
}
