using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Compression.Recovery;

/// <summary>Trains what is left of a U-Net to do again what the whole one did: by data, by its prediction, by what leaves its stages, by what its samples mean.</summary>
/// <remarks>Zhang et al. 2024, arXiv 2404.11098 (normalized features); arXiv 2312.15516 (meaning), reconstructed.</remarks>
/// <typeparam name="T">A U-Net.</typeparam>
public sealed class RecoveryObjective<T> : IObjective
    where T : Module, IHookedUNet
{
    private readonly T _student;
    private readonly IHookedUNet _teacher;
    private readonly PredictionType _prediction;
    private readonly IDiffusionProcess _process;
    private readonly Coupling _data;
    private readonly RecoveryOptions _options;
    private readonly IReadOnlyList<string> _points;

    /// <summary>Prepares.</summary>
    /// <param name="student">What is trained; float32 parameters.</param>
    /// <param name="teacher">The whole network, frozen.</param>
    /// <param name="prediction">What both predict.</param>
    /// <param name="process">Their process.</param>
    /// <param name="data">Data with independent noise.</param>
    /// <param name="options">Weights.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where a weight is out of range.</exception>
    public RecoveryObjective(T student, T teacher, PredictionType prediction, IDiffusionProcess process, Coupling data, RecoveryOptions options)
    {
        options.Validate();
        (_student, _teacher, _prediction, _process, _data, _options) = (student, teacher, prediction, process, data, options);
        _points = options.Features > 0 ? StageFeatures.Points(teacher) : [];
    }

    /// <summary>Law of t.</summary>
    public TimeLaw TimeLaw { get; init; } = new UniformTimeLaw();

    /// <summary>The parts of the student that are trained, in one module; null for all of it.</summary>
    public Module? Trained { get; init; }

    /// <summary>From clean samples [B, C, H, W] to what they show, [B, width]; frozen, in evaluation mode. Needed where meaning has a weight.</summary>
    public Module<Tensor, Tensor>? Meaning { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", Trained ?? _student, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose. Its terms are recorded in <paramref name="draw"/>.</summary>
    /// <exception cref="ArgumentException">Where shapes of teacher and student differ at the end of a stage, or the network for meaning is missing or in training mode.</exception>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _student.parameters().First().device);
        CoupledBatch batch = _data(draw.Step, random);
        draw.Samples = batch.Names;
        var levels = LevelRows.At(_process, TimeLaw.Draw(batch.Sample.shape[0], random));
        Tensor x = levels.Input(batch.Sample, batch.Noise), a = levels.SampleScale, b = levels.NoiseScale;
        (Tensor said, IReadOnlyList<Tensor> features) = StageFeatures.Predict(_student, _points, x, levels.Time, batch.Conditioning);
        Tensor wanted;
        IReadOnlyList<Tensor> wantedFeatures;
        using (no_grad())
        {
            (wanted, wantedFeatures) = StageFeatures.Predict(_teacher, _points, x, levels.Time, batch.Conditioning);
        }

        var terms = new List<Tensor>();
        void Add(string name, double weight, Func<Tensor> term)
        {
            if (weight > 0)
            {
                Tensor value = term();
                draw.Record(name, value);
                terms.Add(value.Times(weight));
            }
        }

        Add("task", _options.Task, () => said.Minus(PredictionConversion.Target(_prediction, batch.Sample / levels.DataScale, batch.Noise, a, b)).Squared().mean());
        Add("output", _options.Output, () => said.Minus(wanted).Squared().mean());
        Add("features", _options.Features, () => (_options.NormalizesFeatures ? FeatureDistance.Normalized(wantedFeatures, features) : FeatureDistance.Plain(wantedFeatures, features)).mean());
        Add("semantics", _options.Semantics, () => Semantics(said, wanted, x, a, b));
        return terms.Aggregate((sum, term) => sum.Plus(term)).MoveToOuterDisposeScope();
    }

    /// <summary>The weight is the share of the signal's power, abar where a process preserves variance.</summary>
    private Tensor Semantics(Tensor said, Tensor wanted, Tensor x, Tensor a, Tensor b)
    {
        if (Meaning is not { training: false } meaning)
        {
            throw new ArgumentException(
                Meaning is null ? "A weight for meaning needs a network that says what samples show." : "The network that says what samples show must be in evaluation mode.", nameof(said));
        }

        Tensor power = a.Squared(), share = (power / power.Plus(b.Squared())).flatten();
        return SemanticDistance.Of(meaning.call(PredictionConversion.ToSample(_prediction, said, x, a, b)), meaning.call(PredictionConversion.ToSample(_prediction, wanted, x, a, b)), share);
    }
}
