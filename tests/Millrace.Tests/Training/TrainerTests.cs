using Millrace.Models.Layers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Tests.Training;

public sealed class TrainerTests
{
    [Fact]
    public void A_resumed_run_ends_with_the_bits_of_an_uninterrupted_one()
    {
        using var whole = new TemporaryFolder();
        using var parts = new TemporaryFolder();
        float[] expected = Train(whole.Path, Options(steps: 24));

        using (var cancellation = new CancellationTokenSource())
        {
            using var toy = new Toy { OnLoss = call => { if (call == 11) { cancellation.Cancel(); } } };
            using var trainer = new Trainer(toy, Options(steps: 24), parts.Path);
            Assert.False(trainer.Run(seed: 7, cancellation: cancellation.Token));
            Assert.Equal(11, trainer.Step);
        }

        Assert.Equal(expected, Train(parts.Path, Options(steps: 24)));
    }

    [Fact]
    public void A_log_holds_each_step_once_after_a_crash()
    {
        using var folder = new TemporaryFolder();
        Train(folder.Path, Options(steps: 5));
        string log = folder.File("log.jsonl");
        string[] entries = File.ReadAllLines(log);
        File.AppendAllText(log, entries[4].Replace("\"Step\":5", "\"Step\":6", StringComparison.Ordinal) + "\n{\"Step\":7,\"St"); // run, and lost with the process
        Train(folder.Path, Options(steps: 7));
        string[] after = File.ReadAllLines(log);
        Assert.Equal(entries, after[..5]);
        Assert.Equal(7, after.Length);
    }

    [Fact]
    public void The_loss_falls()
    {
        using var folder = new TemporaryFolder();
        var log = new List<TrainingProgress>();
        Train(folder.Path, Options(steps: 200) with { LearningRate = 0.05 }, new Reports(log.Add));
        Assert.True(log[^1].Loss < 0.05 * log[0].Loss, $"from {log[0].Loss} to {log[^1].Loss}");
        Assert.True(File.Exists(Path.Combine(folder.Path, "loss.png")));
    }

    [Fact]
    public void The_average_is_that_of_the_recursion()
    {
        using var folder = new TemporaryFolder();
        var seen = new List<float[]>();
        using var toy = new Toy();
        toy.OnLoss = _ => seen.Add(toy.Values);
        using var trainer = new Trainer(toy, Options(steps: 9) with { AverageDecay = 0.5 }, folder.Path);
        trainer.Run(seed: 1);
        seen.Add(toy.Values);

        double[] average = [.. seen[0].Select(value => (double)value)];
        for (int step = 1; step <= 9; step++)
        {
            double decay = Math.Min(0.5, (1.0 + step) / (10 + step));
            average = [.. average.Zip(seen[step], (old, value) => (decay * old) + ((1 - decay) * value))];
        }

        float[]? held = null;
        trainer.WithAverage(() => held = toy.Values);
        Assert.All(held!.Zip(average), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
        Assert.Equal(seen[^1], toy.Values);
    }

    [Fact]
    public void Parts_of_a_batch_add_up_to_the_batch()
    {
        using var one = new TemporaryFolder();
        using var four = new TemporaryFolder();
        float[] expected = Train(one.Path, Options(steps: 3), batch: _ => 0);
        float[] actual = Train(four.Path, Options(steps: 3) with { AccumulationSteps = 4 }, batch: _ => 0);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    [Fact]
    public void The_first_step_of_AdamW_has_the_size_of_the_learning_rate()
    {
        using var folder = new TemporaryFolder();
        using var toy = new Toy();
        float[] before = toy.Values;
        using var trainer = new Trainer(toy, Options(steps: 1) with { LearningRate = 0.01, WarmupSteps = 0, FinalLearningRateRatio = 1, WeightDecay = 0 }, folder.Path);
        trainer.Run(seed: 1);
        Assert.All(before.Zip(toy.Values), pair => Assert.Equal(0.01, Math.Abs(pair.First - pair.Second), 1e-4));
    }

    [Fact]
    public void A_loss_that_is_no_number_ends_the_run_and_leaves_no_checkpoint()
    {
        using var folder = new TemporaryFolder();
        using var toy = new Toy { Scale = double.NaN };
        using var trainer = new Trainer(toy, Options(steps: 5), folder.Path);
        var error = Assert.Throws<DivergedException>(() => trainer.Run(seed: 1));
        Assert.Contains("At step 1 the loss of 'toy' is NaN on the batch of one.png, two.png; there is no checkpoint yet.", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder.Path, "checkpoint.safetensors")));
    }

    [Fact]
    public void Players_take_turns_each_on_its_own_loss_and_rate()
    {
        using var folder = new TemporaryFolder();
        using var duel = new Duel();
        float[] before = [duel.First, duel.Second];
        var log = new List<TrainingProgress>();
        using var trainer = new Trainer(duel, Options(steps: 1) with { LearningRate = 0.01, WarmupSteps = 0, FinalLearningRateRatio = 1, WeightDecay = 0 }, folder.Path);
        trainer.Run(seed: 1, new Reports(log.Add));
        Assert.Equal(before[0] + 0.01, duel.First, 1e-4); // one update, up
        Assert.Equal(before[1] - 0.06, duel.Second, 1e-3); // three updates at twice the rate, down
        Assert.Equal(["critic", "gap"], log[0].Terms.Keys.Order());
        Assert.Equal([1], duel.Steps);
    }

    [Fact]
    public void A_checkpoint_of_another_network_is_refused()
    {
        using var folder = new TemporaryFolder();
        Train(folder.Path, Options(steps: 2));
        using var wider = new Toy(width: 5);
        var error = Assert.Throws<InvalidDataException>(() => new Trainer(wider, Options(steps: 2), folder.Path).Dispose());
        Assert.Contains("checkpoint.safetensors", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_tensor_outlives_a_run()
    {
        using var folder = new TemporaryFolder();
        using var toy = new Toy();
        int run = 0;
        Living.StaysConstant(() =>
        {
            using var trainer = new Trainer(toy, Options(steps: 6), Path.Combine(folder.Path, $"{run++}"));
            trainer.Run(seed: 1);
        });
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        using var folder = new TemporaryFolder();
        using var toy = new Toy();
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new Trainer(toy, Options(steps: 2) with { AverageDecay = 1 }, folder.Path).Dispose());
        Assert.Contains("AverageDecay must be in [0, 1)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_objective_measures_is_logged_at_every_preview_with_the_average_in_place()
    {
        using var folder = new TemporaryFolder();
        var log = new List<TrainingProgress>();
        using var toy = new Toy();
        using var trainer = new Trainer(toy, Options(steps: 5) with { PreviewEvery = 2, LogEvery = 5 }, folder.Path);
        trainer.Run(seed: 1, new Reports(log.Add));
        Assert.Equal([2L, 4, 5], log.Select(entry => entry.Step));
        Assert.All(log, entry => Assert.Equal(entry.Step, entry.Metrics["steps"]));
        float[]? average = null;
        trainer.WithAverage(() => average = toy.Values);
        Assert.Equal(average![0], log[^1].Metrics["first weight"], 1e-6);
        Assert.Equal(log[^1].Metrics, System.Text.Json.JsonSerializer.Deserialize<TrainingProgress>(File.ReadAllLines(folder.File("log.jsonl"))[^1])!.Metrics);
    }

    [Theory]
    [InlineData(LearningRateShape.Cosine, 1, 0.1)]
    [InlineData(LearningRateShape.Cosine, 10, 1)]
    [InlineData(LearningRateShape.Cosine, 60, 0.525)]
    [InlineData(LearningRateShape.Cosine, 110, 0.05)]
    [InlineData(LearningRateShape.Linear, 5, 0.5)]
    [InlineData(LearningRateShape.Linear, 35, 0.7625)]
    [InlineData(LearningRateShape.Linear, 110, 0.05)]
    [InlineData(LearningRateShape.InverseSquareRoot, 40, 0.5)]
    [InlineData(LearningRateShape.InverseSquareRoot, 90, 0.333333333333)]
    public void The_learning_rate_rises_and_falls(LearningRateShape shape, long step, double expected)
    {
        var options = new TrainerOptions { Steps = 110, LearningRate = 1, WarmupSteps = 10, FinalLearningRateRatio = 0.05, LearningRateShape = shape };
        Assert.Equal(expected, options.LearningRateAt(step), 1e-12);
    }

    private static TrainerOptions Options(long steps) => new()
    {
        Steps = steps,
        LearningRate = 0.02,
        WarmupSteps = 2,
        CheckpointEvery = 5,
        LogEvery = 1,
        PreviewEvery = 20,
        AverageDecay = 0.9,
    };

    private static float[] Train(string folder, TrainerOptions options, IProgress<TrainingProgress>? progress = null, Func<long, long>? batch = null)
    {
        using var toy = new Toy { Seed = batch ?? (seed => seed) };
        using var trainer = new Trainer(toy, options, folder);
        Assert.True(trainer.Run(seed: 7, progress));
        return toy.Values;
    }

    private sealed class Reports(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }

    /// <summary>Learns y = sum of x from drawn batches.</summary>
    private sealed class Toy : IObjective, IDisposable
    {
        private readonly Linear _layer;
        private readonly int _width;
        private int _calls;

        public Toy(int width = 4)
        {
            using var initial = new Generator(3);
            (_layer, _width) = (new Linear(width, 1).Initialize(initial), width);
        }

        public Action<int> OnLoss { get; set; } = _ => { };

        public Func<long, long> Seed { get; init; } = seed => seed;

        public double Scale { get; init; } = 1;

        public float[] Values => [.. _layer.parameters().SelectMany(parameter => parameter.data<float>().ToArray())];

        public IReadOnlyList<Player> Players => [new Player("toy", _layer, Loss)];

        private Tensor Loss(TrainingDraw draw)
        {
            draw.Samples = ["one.png", "two.png"];
            draw.Record("two", tensor(2f));
            OnLoss(++_calls);
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)Seed(draw.Seed));
            Tensor x = randn([16, _width], generator: generator);
            return _layer.call(x).Minus(x.sum(1, keepdim: true)).Squared().mean().Times(Scale).MoveToOuterDisposeScope();
        }

        public void Preview(string folder, long step)
        {
        }

        public IReadOnlyDictionary<string, double> Measure(long step) => new Dictionary<string, double> { ["steps"] = step, ["first weight"] = Values[0] };

        public void Dispose() => _layer.Dispose();
    }

    /// <summary>Two numbers: the first rises with the second's leave, the second falls.</summary>
    private sealed class Duel : IObjective, IDisposable
    {
        private readonly Linear _first, _second;

        public Duel()
        {
            using var initial = new Generator(3);
            (_first, _second) = (new Linear(1, 1, bias: false).Initialize(initial), new Linear(1, 1, bias: false).Initialize(initial));
        }

        public List<long> Steps { get; } = [];

        public float First => _first.Weight.item<float>();

        public float Second => _second.Weight.item<float>();

        public IReadOnlyList<Player> Players =>
        [
            new("leader", _first, draw =>
            {
                using var scope = NewDisposeScope();
                draw.Record("gap", _first.Weight.Minus(_second.Weight).sum());
                return _second.Weight.Minus(_first.Weight).sum().MoveToOuterDisposeScope();
            }),
            new("critic", _second, _ =>
            {
                using var scope = NewDisposeScope();
                return _second.Weight.Minus(_first.Weight).sum().MoveToOuterDisposeScope();
            }) { UpdatesPerStep = 3, LearningRateFactor = 2 },
        ];

        public IReadOnlyList<TorchSharp.Modules.Parameter> AfterStep(long step)
        {
            Steps.Add(step);
            return [];
        }

        public void Dispose()
        {
            _first.Dispose();
            _second.Dispose();
        }
    }
}
