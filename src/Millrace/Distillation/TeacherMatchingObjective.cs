using Millrace.Processes;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>Fits a student of another architecture to its teacher's predictions at every level of noise: a start for what follows, where weights cannot be taken over.</summary>
/// <remarks>Song et al. 2024, arXiv 2410.23274, section 4.3 (teacher score matching).</remarks>
/// <param name="network">What is trained.</param>
/// <param name="student">The network as a denoiser, under autograd; predicts what the teacher does.</param>
/// <param name="teacher">Frozen.</param>
/// <param name="process">Their process.</param>
/// <param name="data">Data with independent noise.</param>
public sealed class TeacherMatchingObjective(Module network, IDenoiser student, IDenoiser teacher, IDiffusionProcess process, Coupling data) : IObjective
{
    /// <summary>Law of t.</summary>
    public TimeLaw TimeLaw { get; init; } = new UniformTimeLaw();

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
        CoupledBatch batch = data(draw.Step, random);
        var levels = LevelRows.At(process, TimeLaw.Draw(batch.Sample.shape[0], random));
        Tensor x = levels.Input(batch.Sample, batch.Noise), wanted;
        using (no_grad())
        {
            wanted = teacher.Predict(x, levels.Time, batch.Conditioning);
        }

        return Premetrics.SquaredError(student.Predict(x, levels.Time, batch.Conditioning), wanted).mean().MoveToOuterDisposeScope();
    }
}
