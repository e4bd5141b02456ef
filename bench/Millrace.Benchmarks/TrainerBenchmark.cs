using System.Diagnostics;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>
/// Measures what the trainer costs beyond forward, backward and optimizer: the same network and batch, once in the trainer (draws,
/// noise levels, clipping, average, log, checkpoints), once bare with libtorch's AdamW; step by step in turn, so that a disturbance meets both.
/// </summary>
public static class TrainerBenchmark
{
    private const int Batch = 8, Steps = 60, CheckpointEvery = 10;

    private static readonly UNet2DOptions Shape = new()
    {
        InChannels = 8,
        OutChannels = 8,
        SampleSize = 16,
        BlockOutChannels = [64, 96, 128],
        DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.SelfAttention, UNetBlockType.SelfAttention],
        UpBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.SelfAttention, UNetBlockType.Plain],
        LayersPerBlock = 1,
        AttentionHeadDim = 32,
    };

    /// <summary>Measures.</summary>
    /// <param name="progress">Told what is measured.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public static TrainerBenchmarkReport Run(IProgress<string> progress, CancellationToken cancellationToken)
    {
        using var initial = new Generator(1);
        using UNet2DModel trained = new UNet2DModel(Shape).Initialize(initial), bare = new UNet2DModel(Shape).Initialize(initial);
        using Tensor latents = randn([256, 8, 16, 16], generator: initial), noise = randn([Batch, 8, 16, 16], generator: initial);
        using var alone = new BareStep(bare, latents, noise);
        progress.Report($"{Steps} steps of {Batch} rows, a network of {trained.parameters().Sum(parameter => parameter.numel()) / 1e6:0.0} M parameters");

        CoupledBatch Couple(long step, SeededRandom random)
        {
            Tensor sample = latents.index_select(0, random.Integers(latents.shape[0], Batch));
            return new CoupledBatch(sample, random.Normal(sample.shape), Conditioning.WithoutText(Batch));
        }

        var regression = new RegressionObjective(trained, new AutogradDenoiser(trained, PredictionType.Flow, ScalarType.Float32), new FlowProcess(), Couple);
        var turns = new Turns(regression, alone.Take);
        string folder = Directory.CreateTempSubdirectory("millrace-bench-").FullName;
        try
        {
            var options = new TrainerOptions { Steps = Steps, CheckpointEvery = CheckpointEvery, LogEvery = CheckpointEvery, PreviewEvery = 2 * Steps };
            using var trainer = new Trainer(turns, options, folder);
            turns.Start();
            trainer.Run(seed: 1, cancellation: cancellationToken);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        cancellationToken.ThrowIfCancellationRequested();
        TrainerBenchmarkReport report = turns.Report(CheckpointEvery, new TrainerOptions { Steps = 1 }.CheckpointEvery);
        progress.Report("gradient checkpointing");
        return report with { Checkpointing = CheckpointingCost.Measure(Shape) };
    }

    /// <summary>Hands the turn to the bare step after each of the trainer's, and times both.</summary>
    private sealed class Turns(IObjective objective, Action bare) : IObjective
    {
        private readonly List<double> _trainer = [], _bare = [];
        private long _start;

        public IReadOnlyList<Player> Players => objective.Players;

        public void Start() => _start = Stopwatch.GetTimestamp();

        public IReadOnlyList<TorchSharp.Modules.Parameter> AfterStep(long step)
        {
            _trainer.Add(Stopwatch.GetElapsedTime(_start).TotalMilliseconds);
            long start = Stopwatch.GetTimestamp();
            bare();
            _bare.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Start();
            return [];
        }

        /// <summary>The first steps warm up; the step after a checkpoint carries its cost, and that of a log entry.</summary>
        public TrainerBenchmarkReport Report(int checkpointEvery, long usually)
        {
            int[] warm = [.. Enumerable.Range(checkpointEvery / 2, _bare.Count - (checkpointEvery / 2))];
            int[] plain = [.. warm.Where(index => index % checkpointEvery != 0)], saved = [.. warm.Where(index => index % checkpointEvery == 0)];
            double[] ratios = [.. plain.Select(index => _trainer[index] / _bare[index]).Order()];
            int half = (int)Math.Ceiling(0.98 * Math.Sqrt(ratios.Length)); // of the binomial law of what lies below the median
            double step = Median(_trainer, plain);
            return new TrainerBenchmarkReport(
                step, Median(_bare, plain), Timing.Median(ratios), ratios[(ratios.Length / 2) - half], ratios[(ratios.Length / 2) + half], Median(_trainer, saved) - step, usually);
        }

        private static double Median(List<double> times, int[] steps) => Timing.Median([.. steps.Select(step => times[step])]);
    }

    /// <summary>Forward, backward, optimizer, and nothing else.</summary>
    private sealed class BareStep(UNet2DModel network, Tensor latents, Tensor noise) : IDisposable
    {
        private readonly optim.Optimizer _optimizer = optim.AdamW(network.parameters(), 1e-3);
        private readonly Tensor _x = lerp(latents[..Batch], noise, tensor(0.5f)).DetachFromDisposeScope();
        private readonly Tensor _target = latents[..Batch].neg().add(noise).DetachFromDisposeScope();
        private readonly Tensor _time = full([Batch], 500f).DetachFromDisposeScope();

        public void Take()
        {
            using var scope = NewDisposeScope();
            _optimizer.zero_grad();
            nn.functional.mse_loss(network.call(_x, _time, null), _target).backward();
            _optimizer.step();
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            _x.Dispose();
            _target.Dispose();
            _time.Dispose();
        }
    }
}
