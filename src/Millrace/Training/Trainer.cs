using System.Text.Json;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>
/// The one training loop: AdamW with warm-up and cosine decay, clipping, accumulation, an average of the weights, a log with
/// its plot, previews, and checkpoints from which a run goes on as if it had not been interrupted.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainerOptions _options;
    private readonly IObjective _objective;
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly ParameterVector _parameters;
    private readonly AdamW _optimizer;
    private readonly Tensor _average;
    private double _earlierSeconds;

    /// <summary>Prepares a run; continues from the checkpoint in <paramref name="folder"/> where there is one.</summary>
    /// <param name="objective">What is minimized; used, not owned. Its network's parameters become views of one vector, which the trainer owns.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">For checkpoint, log, plot and previews; created where it does not exist.</param>
    /// <param name="time">Clock; null means the system's.</param>
    /// <exception cref="InvalidDataException">Where the checkpoint does not fit the network.</exception>
    public Trainer(IObjective objective, TrainerOptions options, string folder, TimeProvider? time = null)
    {
        options.Validate();
        (_objective, _options, _folder, _time) = (objective, options, folder, time ?? TimeProvider.System);
        Directory.CreateDirectory(folder);
        _parameters = new ParameterVector(objective.Network);
        _optimizer = new AdamW(_parameters, options);
        _average = _parameters.Values.clone().DetachFromDisposeScope();
        if (TrainingCheckpoint.TryLoad(CheckpointPath, State) is { } resumed)
        {
            (Step, _earlierSeconds) = resumed;
        }
    }

    /// <summary>Steps done so far.</summary>
    public long Step { get; private set; }

    private string CheckpointPath => Path.Combine(_folder, "checkpoint.safetensors");

    private string LogPath => Path.Combine(_folder, "log.jsonl");

    private (string Name, Tensor Tensor)[] State =>
        [("values", _parameters.Values), ("average", _average), ("mean", _optimizer.Mean), ("square", _optimizer.Square)];

    /// <summary>Trains to the last step, or until cancelled; either way the checkpoint holds everything at the end.</summary>
    /// <param name="seed">Seed of the whole run.</param>
    /// <param name="progress">Told at every entry of the log.</param>
    /// <param name="cancellation">Ends the run after the step in hand; the run can be continued.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="InvalidOperationException">Where the loss stops being a number; the last checkpoint is left as it is.</exception>
    public bool Run(long seed, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        long start = _time.GetTimestamp();
        double Seconds() => _earlierSeconds + _time.GetElapsedTime(start).TotalSeconds;
        double lossSum = 0;
        long counted = 0;
        while (Step < _options.Steps && !cancellation.IsCancellationRequested)
        {
            (double loss, double norm) = TakeStep(seed);
            lossSum += loss;
            counted++;
            if (Step % _options.LogEvery == 0 || Step == _options.Steps)
            {
                var entry = new TrainingProgress(Step, _options.Steps, lossSum / counted, norm, _options.LearningRateAt(Step), Seconds());
                (lossSum, counted) = (0, 0);
                File.AppendAllText(LogPath, JsonSerializer.Serialize(entry) + "\n");
                progress?.Report(entry);
            }

            if (Step % _options.PreviewEvery == 0 || Step == _options.Steps)
            {
                WithAverage(() => _objective.Preview(_folder, Step));
                LossPlot.Draw(LogPath, Path.Combine(_folder, "loss.png"));
            }

            if (Step % _options.CheckpointEvery == 0)
            {
                TrainingCheckpoint.Save(CheckpointPath, State, Step, Seconds());
            }
        }

        TrainingCheckpoint.Save(CheckpointPath, State, Step, Seconds());
        return Step == _options.Steps;
    }

    /// <summary>Runs <paramref name="action"/> with the averaged weights in the network, then puts the trained ones back.</summary>
    public void WithAverage(Action action)
    {
        using IDisposable noGrad = no_grad();
        using Tensor trained = _parameters.Values.clone();
        _parameters.Values.copy_(_average);
        try
        {
            action();
        }
        finally
        {
            _parameters.Values.copy_(trained);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average.Dispose();
        _optimizer.Dispose();
        _parameters.Dispose();
    }

    private (double Loss, double GradientNorm) TakeStep(long seed)
    {
        using var scope = NewDisposeScope();
        _parameters.Gradients.zero_();
        double loss = 0;
        for (int part = 0; part < _options.AccumulationSteps; part++)
        {
            using var inner = NewDisposeScope();
            Tensor value = _objective.Loss(HashCode(seed, (Step * _options.AccumulationSteps) + part)) / _options.AccumulationSteps;
            value.backward();
            loss += value.item<float>();
        }

        double norm = _parameters.Gradients.norm().item<float>();
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            throw new InvalidOperationException($"At step {Step + 1} the loss is {loss} and the gradient's norm {norm}; a lower learning rate may help.");
        }

        if (norm > _options.GradientClip)
        {
            _parameters.Gradients.mul_(_options.GradientClip / norm);
        }

        Step++;
        _optimizer.Step(Step, _options.LearningRateAt(Step));
        double decay = Math.Min(_options.AverageDecay, (1.0 + Step) / (10 + Step));
        using IDisposable noGrad = no_grad();
        _average.lerp_(_parameters.Values, 1 - decay);
        return (loss, norm);
    }

    // SplitMix64: neighbouring steps get unrelated seeds, on every machine the same.
    private static long HashCode(long seed, long step)
    {
        ulong z = unchecked(((ulong)seed * 0x9e3779b97f4a7c15UL) + ((ulong)step * 0xbf58476d1ce4e5b9UL) + 0x94d049bb133111ebUL);
        z = unchecked((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL);
        z = unchecked((z ^ (z >> 27)) * 0x94d049bb133111ebUL);
        return (long)((z ^ (z >> 31)) >> 1);
    }
}
