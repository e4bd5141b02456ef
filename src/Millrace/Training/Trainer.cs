using System.Collections.ObjectModel;
using TorchSharp.Modules;
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
    private readonly PlayerState[] _players;
    private double _earlierSeconds;

    /// <summary>Prepares a run; continues from the checkpoint in <paramref name="folder"/> where there is one.</summary>
    /// <param name="objective">What is minimized; used, not owned. The parameters of each network become views of one vector, which the trainer owns.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">For checkpoint, log, plot and previews; created where it does not exist.</param>
    /// <param name="time">Clock; null means the system's.</param>
    /// <exception cref="InvalidDataException">Where the checkpoint does not fit the network.</exception>
    public Trainer(IObjective objective, TrainerOptions options, string folder, TimeProvider? time = null)
    {
        options.Validate();
        (_objective, _options, _folder, _time) = (objective, options, folder, time ?? TimeProvider.System);
        Directory.CreateDirectory(folder);
        _players = [.. objective.Players.Select(player => new PlayerState(player, options))];
        if (TrainingCheckpoint.TryLoad(CheckpointPath, State) is { } resumed)
        {
            (Step, _earlierSeconds) = resumed;
        }

        TrainingLog.Trim(LogPath, Step);
    }

    /// <summary>Steps done so far.</summary>
    public long Step { get; private set; }

    private string CheckpointPath => Path.Combine(_folder, "checkpoint.safetensors");

    private string LogPath => Path.Combine(_folder, "log.jsonl");

    private (string Name, Tensor Tensor)[] State => [.. _players.SelectMany(player => player.Tensors)];

    /// <summary>Trains to the last step, or until cancelled; either way the checkpoint holds everything at the end.</summary>
    /// <param name="seed">Seed of the whole run.</param>
    /// <param name="progress">Told at every entry of the log.</param>
    /// <param name="cancellation">Ends the run after the step in hand; the run can be continued.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="DivergedException">Where a loss stops being a number; names the step, the batch and the last checkpoint, which is left as it is.</exception>
    /// <exception cref="IOException">Where a checkpoint cannot be written; the former one is left as it is.</exception>
    public bool Run(long seed, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        long start = _time.GetTimestamp();
        double Seconds() => _earlierSeconds + _time.GetElapsedTime(start).TotalSeconds;
        using var log = new TrainingLog(LogPath, _players[0].Name);
        try
        {
            while (Step < _options.Steps && !cancellation.IsCancellationRequested)
            {
                using var scope = NewDisposeScope();
                Tensor norm = TakeStep(seed, log);
                bool checkpoint = Step % _options.CheckpointEvery == 0, preview = Step % _options.PreviewEvery == 0 || Step == _options.Steps;
                if (Step % _options.LogEvery == 0 || checkpoint || preview)
                {
                    TrainingProgress entry = log.Write(
                        Step, _options.Steps, norm.item<float>(), _options.LearningRateAt(Step), Seconds(), preview ? Show() : ReadOnlyDictionary<string, double>.Empty);
                    progress?.Report(entry);
                }

                if (checkpoint || preview)
                {
                    LossPlot.Draw(LogPath, Path.Combine(_folder, "loss.png"));
                }

                if (checkpoint)
                {
                    Save(Seconds());
                }
            }
        }
        catch (NotFiniteNumberException error)
        {
            string kept = File.Exists(CheckpointPath) ? $"the last good checkpoint is '{CheckpointPath}'" : "there is no checkpoint yet";
            throw new DivergedException($"At step {Step + 1} {error.Message}; {kept}. A lower learning rate may help.", error);
        }

        Save(Seconds());
        return Step == _options.Steps;
    }

    /// <summary>Runs <paramref name="action"/> with the averaged weights in the networks, then puts the trained ones back.</summary>
    public void WithAverage(Action action) => _players.Aggregate(action, (inner, player) => () => player.WithAverage(inner))();

    /// <summary>Leaves the averaged weights in the networks, for good; call at the end of a run.</summary>
    public void UseAverage()
    {
        foreach (PlayerState player in _players)
        {
            player.UseAverage();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PlayerState player in _players)
        {
            player.Dispose();
        }
    }

    private IReadOnlyDictionary<string, double> Show()
    {
        IReadOnlyDictionary<string, double> metrics = ReadOnlyDictionary<string, double>.Empty;
        WithAverage(() =>
        {
            _objective.Preview(_folder, Step);
            metrics = _objective.Measure(Step);
        });
        return metrics;
    }

    private void Save(double seconds)
    {
        try
        {
            TrainingCheckpoint.Save(CheckpointPath, State, Step, seconds);
        }
        catch (IOException error) when (File.Exists(CheckpointPath))
        {
            throw new IOException($"{error.Message} The former checkpoint, '{CheckpointPath}', is whole: the run can be resumed from it.", error.HResult);
        }
    }

    // Gives the norm of the first player's gradient before clipping.
    private Tensor TakeStep(long seed, TrainingLog log)
    {
        Tensor[] norms = [.. _players.Select((player, index) => player.Update(
            Step, batch => SeedMix.Of(SeedMix.Of(seed, Step), ((long)index << 32) + batch), log))];
        Step++;
        foreach (Parameter renewed in _objective.AfterStep(Step))
        {
            if (!_players.Any(player => player.Forget(renewed)))
            {
                throw new InvalidOperationException("The objective gave new weights to a parameter that no player trains.");
            }
        }

        return norms[0];
    }
}
