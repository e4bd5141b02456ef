using Millrace.Processes;
using Millrace.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation.Adversarial;

/// <summary>
/// Trains a generator by adversaries: samples of generator and teacher are noised to one of a few levels, a frozen network makes
/// features of them, and a changing few of many heads tell them apart.
/// </summary>
/// <remarks>
/// Chen et al. 2024, arXiv 2412.02030, sections 4.1 to 4.3; hinge losses (Lim and Ye 2017, arXiv 1705.02894). Group of a head: (timestep,
/// whether it sees the condition, layer of the features).
/// </remarks>
public sealed class DynamicAdversarialObjective : IObjective
{
    private const int Views = 2; // with the condition and without

    private readonly Module _network;
    private readonly GeneratedBatches _batches;
    private readonly HeadPool _heads;
    private readonly FeatureExtractor _features;
    private readonly int _layers;
    private readonly IDiffusionProcess _process;
    private readonly Func<Conditioning, Conditioning> _withoutCondition;
    private readonly DynamicAdversarialOptions _options;

    /// <summary>Prepares the training.</summary>
    /// <param name="network">The generator's network, trained.</param>
    /// <param name="batches">What it generates, beside what is real.</param>
    /// <param name="heads">The pool: <see cref="Groups"/> groups.</param>
    /// <param name="features">The frozen network's features.</param>
    /// <param name="layers">How many it gives.</param>
    /// <param name="process">Its process.</param>
    /// <param name="withoutCondition">The conditioning of as many rows without a condition.</param>
    /// <param name="options">Levels and rates.</param>
    /// <exception cref="ArgumentException">Where an option is out of range.</exception>
    public DynamicAdversarialObjective(
        Module network, GeneratedBatches batches, HeadPool heads, FeatureExtractor features, int layers, IDiffusionProcess process,
        Func<Conditioning, Conditioning> withoutCondition, DynamicAdversarialOptions options)
    {
        options.Validate();
        (_network, _batches, _heads, _features, _layers) = (network, batches, heads, features, layers);
        (_process, _withoutCondition, _options) = (process, withoutCondition, options);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players =>
    [
        new("generator", _network, GeneratorLoss), new("heads", _heads, HeadLoss) { LearningRateFactor = _options.HeadRate, Lazy = true },
    ];

    /// <summary>Groups that a pool needs.</summary>
    /// <param name="timesteps">Number of timesteps.</param>
    /// <param name="layers">Layers of features.</param>
    public static int Groups(int timesteps, int layers) => timesteps * Views * layers;

    /// <summary>The layer that a group's features come from.</summary>
    public static int LayerOf(int group, int layers) => group % layers;

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> AfterStep(long step) => _heads.Refresh(_options.RefreshShare, step);

    /// <summary>The generator's loss, -mean D(fake), with the weighted mean square to the pairs' samples; a scalar under autograd, the caller's to dispose.</summary>
    public Tensor GeneratorLoss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        GeneratedBatch batch = _batches(draw.Step, random);
        Tensor loss = Judge(batch.Generated, batch.Conditioning, Choose(random), random).mean().neg();
        if (_options.PairWeight > 0)
        {
            Tensor apart = batch.Generated.Minus(batch.Real).Squared().mean();
            draw.Record("pairs", apart);
            loss = loss.Plus(apart.Times(_options.PairWeight));
        }

        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The heads' loss, mean max(0, 1 - D(real)) + max(0, 1 + D(fake)), a scalar under autograd; the caller's to dispose.</summary>
    public Tensor HeadLoss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        GeneratedBatch batch;
        using (no_grad())
        {
            batch = _batches(draw.Step, random);
        }

        (int level, IReadOnlyList<Module<Tensor, Tensor>> heads) chosen = Choose(random);
        Tensor onReal = Judge(batch.Real, batch.Conditioning, chosen, random), onFake = Judge(batch.Generated, batch.Conditioning, chosen, random);
        draw.Record("heads on real", onReal.mean());
        draw.Record("heads on generated", onFake.mean());
        return onReal.TakenFrom(1).relu().mean().Plus(onFake.Plus(1).relu().mean()).MoveToOuterDisposeScope();
    }

    /// <summary>What all heads say of samples, in the mean: how much more they like what they have seen than what they have not is how much they learned by heart.</summary>
    /// <param name="batch">Samples with their conditions.</param>
    /// <param name="random">Source of noise.</param>
    public double MeanVerdict(CoupledBatch batch, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return Enumerable.Range(0, _options.Timesteps.Count * 8).Average(_ => (double)Judge(batch.Sample, batch.Conditioning, Choose(random), random).mean().item<float>());
    }

    private (int Level, IReadOnlyList<Module<Tensor, Tensor>> Heads) Choose(SeededRandom random)
    {
        using Tensor drawn = random.Integers(_options.Timesteps.Count, 1);
        int level = (int)drawn.item<long>();
        return (level, [.. Enumerable.Range(0, Views * _layers).Select(head => _heads.Draw((level * Views * _layers) + head, random))]);
    }

    /// <summary>[heads, B, ...]: what the chosen heads say of noised samples.</summary>
    private Tensor Judge(Tensor sample, Conditioning conditioning, (int Level, IReadOnlyList<Module<Tensor, Tensor>> Heads) chosen, SeededRandom random)
    {
        NoiseLevel level = _process.LevelAt(_options.Timesteps[chosen.Level]);
        Tensor x = sample.Times(level.Alpha).Plus(random.Normal(sample.shape).Times(level.Sigma)).Times(level.InputScale);
        Tensor t = TensorArithmetic.Filled(level.Timestep, x.device, x.shape[0]);
        IEnumerable<Tensor> features = _features(x, t, conditioning).Concat(_features(x, t, _withoutCondition(conditioning)));
        return stack([.. features.Zip(chosen.Heads, (feature, head) => head.call(feature).flatten(1).mean([1]))], 0);
    }
}
