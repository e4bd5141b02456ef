using Millrace.Processes;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Distils a teacher into one step by its distribution: the generator's samples move to where the teacher finds them likelier than a
/// second network does, which is trained meanwhile on the generator's own samples.
/// </summary>
/// <remarks>
/// Yin et al. 2023, arXiv 2311.18828, equations 7 and 8: the gradient at a sample x is (mu_fake(x_t) - mu_real(x_t)) over the mean of
/// |x - mu_real| over the row's elements, mu the networks' estimates of the clean sample, with a regression on pairs of the teacher beside it. Song
/// et al. 2024, arXiv 2410.23274, stage 1.
/// </remarks>
public sealed class DistributionMatchingObjective : IObjective
{
    private readonly Module _network;
    private readonly FewStepGenerator _generator;
    private readonly Module _fakeNetwork;
    private readonly IDenoiser _fake;
    private readonly IDenoiser _teacher;
    private readonly IDiffusionProcess _process;
    private readonly Coupling _conditions;
    private readonly Coupling? _pairs;
    private readonly DistributionMatchingOptions _options;

    /// <summary>Prepares the distillation.</summary>
    /// <param name="network">The generator's network, trained.</param>
    /// <param name="generator">The generator, under autograd.</param>
    /// <param name="fakeNetwork">The fake score's network, trained; begins as the teacher, or as what was fitted to it.</param>
    /// <param name="fake">It as a denoiser, under autograd.</param>
    /// <param name="teacher">Frozen; with guidance where samples shall have it.</param>
    /// <param name="process">The process of teacher and fake score.</param>
    /// <param name="conditions">Draws noise and conditions; its samples are not looked at.</param>
    /// <param name="pairs">Pairs of the teacher, of all conditions; null where the regression is left out.</param>
    /// <param name="options">Times and weights.</param>
    /// <exception cref="ArgumentException">Where an option is out of range.</exception>
    public DistributionMatchingObjective(
        Module network, FewStepGenerator generator, Module fakeNetwork, IDenoiser fake, IDenoiser teacher, IDiffusionProcess process, Coupling conditions, Coupling? pairs,
        DistributionMatchingOptions options)
    {
        options.Validate();
        (_network, _generator, _fakeNetwork, _fake, _teacher) = (network, generator, fakeNetwork, fake, teacher);
        (_process, _conditions, _pairs, _options) = (process, conditions, pairs, options);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players =>
    [
        new("generator", _network, GeneratorLoss), new("fake score", _fakeNetwork, FakeLoss) { UpdatesPerStep = _options.FakeUpdates },
    ];

    /// <summary>The generator's loss on a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor GeneratorLoss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        CoupledBatch batch = _conditions(draw.Step, random);
        Tensor sample = _generator.Generate(batch.Noise, batch.Conditioning);
        Tensor loss = Pull(sample, Gradient(sample.detach(), batch.Conditioning, random));
        if (_pairs is not null && _options.RegressionWeight > 0)
        {
            CoupledBatch pair = _pairs(draw.Step, random);
            Tensor regression = Premetrics.SquaredError(_generator.Generate(pair.Noise, pair.Conditioning), pair.Sample).mean();
            draw.Record("regression", regression);
            loss = loss.Plus(regression.Times(_options.RegressionWeight));
        }

        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The fake score's loss on a batch: the usual regression on the generator's samples.</summary>
    public Tensor FakeLoss(TrainingDraw draw) => new RegressionObjective(_fakeNetwork, _fake, _process, (step, random) =>
    {
        using IDisposable noGrad = no_grad();
        CoupledBatch batch = _conditions(step, random);
        return batch with { Sample = _generator.Generate(batch.Noise, batch.Conditioning), Noise = random.Normal(batch.Noise.shape) };
    }).Loss(draw);

    /// <summary>Which way a sample is to go, against its sign: fake less real score, [B, C, H, W].</summary>
    internal Tensor Gradient(Tensor sample, Conditioning conditioning, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var levels = LevelRows.At(_process, new UniformTimeLaw(_options.LeastTime, _options.MostTime).Draw(sample.shape[0], random));
        Tensor input = levels.Input(sample, random.Normal(sample.shape));
        Tensor real = Estimate(_teacher, input, levels, conditioning), fake = Estimate(_fake, input, levels, conditioning);
        Tensor scale = sample.Minus(real).abs().flatten(1).mean([1]).view(-1, 1, 1, 1).AtLeast(1e-6);
        return (fake.Minus(real) / scale).MoveToOuterDisposeScope();
    }

    /// <summary>A loss whose gradient at the sample is the one given, over the number of its elements.</summary>
    internal static Tensor Pull(Tensor sample, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        return sample.Minus(sample.detach().Minus(gradient)).Squared().mean().Times(0.5).MoveToOuterDisposeScope();
    }

    private static Tensor Estimate(IDenoiser denoiser, Tensor input, LevelRows levels, Conditioning conditioning) => levels.DataScale * PredictionConversion.ToSample(
        denoiser.Prediction, denoiser.Predict(input, levels.Time, conditioning), input, levels.SampleScale, levels.NoiseScale);
}
