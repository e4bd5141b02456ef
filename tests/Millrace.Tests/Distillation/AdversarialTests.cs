using Millrace.Distillation;
using Millrace.Distillation.Adversarial;
using Millrace.Processes;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Tests.Distillation;

/// <summary>The pool of heads, what it does to a generator, and generators of few calls.</summary>
public sealed class AdversarialTests
{
    private const int Layers = 2, Width = 3;

    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    [Theory]
    [InlineData(0.01, 1)]
    [InlineData(0.1, 7)]
    [InlineData(0, 0)]
    [InlineData(1, 72)]
    public void As_many_heads_begin_anew_as_the_share_says_and_no_other_changes(double share, int expected)
    {
        using HeadPool pool = Pool(groups: 24, copies: 3);
        float[][] before = Heads(pool);
        Assert.Equal(2 * expected, pool.Refresh(share, 5).Count);
        Assert.Equal(expected, before.Zip(Heads(pool)).Count(pair => !pair.First.SequenceEqual(pair.Second)));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Refresh(1.1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Draw(24, new SeededRandom(1, CPU)));
    }

    [Fact]
    public void Heads_live_as_long_as_the_share_says()
    {
        using HeadPool pool = Pool(groups: 100, copies: 2);
        float[][] before = Heads(pool);
        for (int step = 1; step <= 50; step++)
        {
            pool.Refresh(0.01, step);
        }

        double survivors = before.Zip(Heads(pool)).Count(pair => pair.First.SequenceEqual(pair.Second)) / 200.0;
        Assert.Equal(Math.Pow(0.99, 50), survivors, 0.08);
    }

    [Fact]
    public void Only_heads_that_were_asked_are_updated_and_new_ones_have_no_past()
    {
        using var folder = new TemporaryFolder();
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 3);
        float[][] before = Heads(pool);
        float factor = generator.Factor.item<float>();
        using (var trainer = new Trainer(Objective(generator, pool, refresh: 0), Options(steps: 1), folder.Path))
        {
            trainer.Run(1);
        }

        Assert.Equal(2 * Layers, before.Zip(Heads(pool)).Count(pair => !pair.First.SequenceEqual(pair.Second)));
        Assert.NotEqual(factor, generator.Factor.item<float>());
        string checkpoint = Path.Combine(folder.Path, "checkpoint.safetensors");
        Assert.InRange(Moments(checkpoint), 2 * Layers * Width, 2 * Layers * (Width + 1)); // pulls on a bias may cancel to exactly nothing

        using var again = new TemporaryFolder();
        using HeadPool all = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 3);
        using (var trainer = new Trainer(Objective(generator, all, refresh: 1), Options(steps: 1), again.Path))
        {
            trainer.Run(1);
        }

        Assert.Equal(0, Moments(Path.Combine(again.Path, "checkpoint.safetensors")));
    }

    [Fact]
    public void A_run_with_a_changing_pool_resumes_to_the_same_bits()
    {
        float[] Train(string folder, int? stopAfter)
        {
            using ScaledInput generator = new(0.5, PredictionType.Sample);
            using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 2);
            using var cancellation = new CancellationTokenSource();
            using var trainer = new Trainer(Objective(generator, pool, refresh: 0.2), Options(steps: 12), folder);
            trainer.Run(3, new Reports(entry => { if (entry.Step == stopAfter) { cancellation.Cancel(); } }), cancellation.Token);
            return [generator.Factor.item<float>(), .. Heads(pool).SelectMany(head => head)];
        }

        using TemporaryFolder whole = new(), parts = new();
        float[] expected = Train(whole.Path, null);
        Train(parts.Path, 5);
        Assert.Equal(expected, Train(parts.Path, null));
    }

    [Fact]
    public void Gradients_reach_the_sample_through_the_frozen_features()
    {
        using var scope = NewDisposeScope();
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 1);
        DynamicAdversarialObjective objective = Objective(generator, pool, refresh: 0);
        objective.GeneratorLoss(new TrainingDraw(0, 4)).backward();
        double gradient = generator.Factor.grad!.item<float>();
        const double step = 1e-2;
        double At(double factor)
        {
            using var at = new ScaledInput(factor, PredictionType.Sample);
            return Objective(at, pool, refresh: 0).GeneratorLoss(new TrainingDraw(0, 4)).item<float>();
        }

        Assert.NotEqual(0, gradient);
        Assert.Equal((At(0.5 + step) - At(0.5 - step)) / (2 * step), gradient, 0.02 * Math.Abs(gradient));
    }

    [Fact]
    public void A_pool_of_one_head_a_group_takes_a_plain_step_of_two_adversaries()
    {
        using var scope = NewDisposeScope();
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(1, Layers), copies: 1);
        var objective = new DynamicAdversarialObjective(
            generator, Batches(generator), pool, Features, Layers, Process, conditioning => conditioning, new DynamicAdversarialOptions { Timesteps = [250], RefreshShare = 0 });
        NoiseLevel level = Process.LevelAt(250);
        using var random = new SeededRandom(4, CPU);
        GeneratedBatch batch = Batches(generator)(0, random);
        _ = random.Integers(1, 1); // the one level
        TorchSharp.torch.nn.Module<Tensor, Tensor>[] heads = [.. Enumerable.Range(0, pool.Count).Select(group => pool.Draw(group, random))];
        Tensor Verdict(Tensor sample)
        {
            Tensor x = sample.Times(level.Alpha).Plus(random.Normal(sample.shape).Times(level.Sigma));
            Tensor[] seen = [.. Features(x, x, batch.Conditioning), .. Features(x, x, batch.Conditioning)];
            return stack([.. heads.Zip(seen, (head, features) => head.call(features).flatten())], 0);
        }

        Assert.Equal(-Verdict(batch.Generated).mean().item<float>(), objective.GeneratorLoss(new TrainingDraw(0, 4)).item<float>(), 1e-6);
    }

    [Fact]
    public void Heads_that_cannot_tell_are_at_the_bottom_of_their_loss()
    {
        using var scope = NewDisposeScope();
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 1);
        GeneratedBatches same = (_, random) =>
        {
            Tensor sample = random.Normal(4096, Width, 1, 1);
            return new GeneratedBatch(sample, random.Normal(4096, Width, 1, 1), Conditioning.WithoutText(4096));
        };
        var objective = new DynamicAdversarialObjective(generator, same, pool, Features, Layers, Process, conditioning => conditioning, new DynamicAdversarialOptions());
        double Loss() => Enumerable.Range(0, 8).Average(seed => (double)objective.HeadLoss(new TrainingDraw(0, seed)).item<float>());
        Assert.True(Loss() > 1.99); // max(0, 1 - d) + max(0, 1 + d) is never below 2
        using (no_grad())
        {
            foreach (var parameter in pool.parameters())
            {
                parameter.zero_();
            }
        }

        Assert.Equal(2, Loss(), 1e-6);
    }

    [Fact]
    public void Pairs_add_their_weighted_mean_square_to_the_generators_loss()
    {
        using var scope = NewDisposeScope();
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 1);
        double Loss(double weight) => Objective(generator, pool, refresh: 0, weight).GeneratorLoss(new TrainingDraw(0, 4)).item<float>();
        using var random = new SeededRandom(4, CPU);
        GeneratedBatch batch = Batches(generator)(0, random);
        double apart = batch.Generated.Minus(batch.Real).Squared().mean().item<float>();
        Assert.Equal(Loss(0) + (3 * apart), Loss(3), 1e-4);
        Assert.Throws<ArgumentException>(() => new DynamicAdversarialOptions { PairWeight = -1 }.Validate());
    }

    [Fact]
    public void Further_calls_see_the_levels_noise_and_a_shift_of_1000_changes_nothing()
    {
        using var scope = NewDisposeScope();
        NoiseLevel first = Process.LevelAt(999), second = Process.LevelAt(499);
        Assert.Equal(first, FewStepGenerator.Shifted(first, 1000));
        Assert.Equal((249.0, first.Alpha, first.Sigma), (FewStepGenerator.Shifted(first, 250).Timestep, FewStepGenerator.Shifted(first, 250).Alpha, FewStepGenerator.Shifted(first, 250).Sigma));
        Assert.Throws<ArgumentOutOfRangeException>(() => FewStepGenerator.Shifted(first, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => FewStepGenerator.Shifted(first, 1001));
        Assert.Throws<ArgumentException>(() => new FewStepGenerator(new ScaledInput(1)));

        using var none = Conditioning.WithoutText(4);
        using var half = new ScaledInput(0.5, PredictionType.Sample);
        var generator = new FewStepGenerator(half, first, second);
        Tensor noise = randn(4, 2, 1, 1), fresh = randn(4, 2, 1, 1), sample = generator.Generate(noise, none);
        Assert.True(Golden.RelativeError(noise.Times(0.5 * first.Sigma), sample) < 1e-6);
        Assert.True(Golden.RelativeError(sample.Times(second.Alpha).Plus(fresh.Times(second.Sigma)).Times(0.5), generator.Refine(sample, 1, fresh, none)) < 1e-6);
        var known = new GaussianDenoiser(Process, PredictionType.Epsilon, 2, 0.5, coupled: true);
        Assert.True(Golden.RelativeError(noise.Times(0.5).Plus(2), new FewStepGenerator(known, first).Generate(noise.Times(1 + (first.Alpha * 0.5 / first.Sigma)).Plus(2 * first.Alpha / first.Sigma), none)) < 1e-3);
    }

    [Fact]
    public void Options_out_of_range_are_refused_and_nothing_stays_behind()
    {
        Assert.Throws<ArgumentException>(() => new DynamicAdversarialOptions { Timesteps = [] }.Validate());
        Assert.Throws<ArgumentException>(() => new DynamicAdversarialOptions { RefreshShare = 2 }.Validate());
        Assert.Throws<ArgumentException>(() => new DynamicAdversarialOptions { HeadRate = 0 }.Validate());
        using ScaledInput generator = new(0.5, PredictionType.Sample);
        using HeadPool pool = Pool(DynamicAdversarialObjective.Groups(4, Layers), copies: 2);
        DynamicAdversarialObjective objective = Objective(generator, pool, refresh: 0);
        Living.StaysConstant(
            () =>
            {
                var draw = new TrainingDraw(0, 1);
                objective.GeneratorLoss(draw).Dispose();
                objective.HeadLoss(draw).Dispose();
                draw.Take().ToList().ForEach(term => term.Value.Dispose());
            },
            repeats: 5);
    }

    private static DynamicAdversarialObjective Objective(ScaledInput network, HeadPool pool, double refresh, double pairWeight = 0) => new(
        network, Batches(network), pool, Features, Layers, Process, conditioning => conditioning,
        new DynamicAdversarialOptions { RefreshShare = refresh, PairWeight = pairWeight });

    private static GeneratedBatches Batches(ScaledInput network) => new FewStepGenerator(network, Process.LevelAt(999), Process.LevelAt(499)).Batches(
        (_, random) => new CoupledBatch(random.Normal(16, Width, 1, 1).Plus(1), random.Normal(16, Width, 1, 1), Conditioning.WithoutText(16)), refineAfter: 1);

    private static IReadOnlyList<Tensor> Features(Tensor x, Tensor t, Conditioning conditioning) => [x.flatten(1), x.flatten(1).tanh()];

    private static HeadPool Pool(int groups, int copies)
    {
        using var generator = new Generator(2);
        return new HeadPool(groups, copies, _ => new Linear(Width, 1), generator);
    }

    private static TrainerOptions Options(long steps) => new() { Steps = steps, LearningRate = 0.01, WarmupSteps = 0, WeightDecay = 0, LogEvery = 1, CheckpointEvery = 4 };

    /// <summary>The weights of each head.</summary>
    private static float[][] Heads(HeadPool pool) =>
        [.. pool.parameters().Select(parameter => parameter.data<float>().ToArray()).Chunk(2).Select(parts => parts[0].Concat(parts[1]).ToArray())];

    private static int Moments(string checkpoint)
    {
        using Millrace.Checkpoints.SafetensorsFile file = Millrace.Checkpoints.SafetensorsFile.Open(checkpoint);
        using Tensor square = file.Read("heads.square");
        return square.data<float>().ToArray().Count(value => value != 0);
    }

    private sealed class Reports(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
