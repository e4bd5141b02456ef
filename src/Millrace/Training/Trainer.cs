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
        using Tensor lossSum = zeros(1, device: _parameters.Values.device);
        long counted = 0;
        while (Step < _options.Steps && !cancellation.IsCancellationRequested)
        {
            using var scope = NewDisposeScope();
            Tensor norm = TakeStep(seed, lossSum);
            counted++;
            bool checkpoint = Step % _options.CheckpointEvery == 0;
            if (Step % _options.LogEvery == 0 || checkpoint || Step == _options.Steps)
            {
                // The only wait for the device: between two entries of the log it works through steps without a pause.
                var entry = new TrainingProgress(
                    Step, _options.Steps, lossSum.item<float>() / counted, norm.item<float>(), _options.LearningRateAt(Step), Seconds());
                RequireNumbers(entry);
                lossSum.zero_();
                counted = 0;
                File.AppendAllText(LogPath, JsonSerializer.Serialize(entry) + "\n");
                progress?.Report(entry);
            }

            if (Step % _options.PreviewEvery == 0 || Step == _options.Steps)
            {
                WithAverage(() => _objective.Preview(_folder, Step));
                LossPlot.Draw(LogPath, Path.Combine(_folder, "loss.png"));
            }

            if (checkpoint)
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
        using var scope = NewDisposeScope();
        Tensor trained = _parameters.Values.clone();
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

    /// <summary>Leaves the averaged weights in the network, for good; call at the end of a run.</summary>
    public void UseAverage()
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        _parameters.Values.copy_(_average);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _average.Dispose();
        _optimizer.Dispose();
        _parameters.Dispose();
    }

    // Adds the loss to the sum; gives the norm of the gradient before clipping.
    private Tensor TakeStep(long seed, Tensor lossSum)
    {
        using var scope = NewDisposeScope();
        _parameters.Gradients.zero_();
        for (int part = 0; part < _options.AccumulationSteps; part++)
        {
            using var inner = NewDisposeScope();
            Tensor loss = _objective.Loss(HashCode(seed, (Step * _options.AccumulationSteps) + part)).Times(1.0 / _options.AccumulationSteps);
            loss.backward();
            lossSum.Add(loss.detach());
        }

        using IDisposable noGrad = no_grad();
        Tensor norm = _parameters.Gradients.norm();
        _parameters.Gradients.mul_(norm.Plus(1e-12).reciprocal().Times(_options.GradientClip).AtMost(1));
        Step++;
        _optimizer.Step(Step, _options.LearningRateAt(Step));
        double decay = Math.Min(_options.AverageDecay, (1.0 + Step) / (10 + Step));
        _average.MoveTowards(_parameters.Values, 1 - decay);
        return norm.MoveToOuterDisposeScope();
    }

    private static void RequireNumbers(TrainingProgress entry)
    {
        if (!double.IsFinite(entry.Loss) || !double.IsFinite(entry.GradientNorm))
        {
            throw new InvalidOperationException(
                $"At step {entry.Step} the loss is {entry.Loss} and the gradient's norm {entry.GradientNorm}; a lower learning rate may help.");
        }
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
