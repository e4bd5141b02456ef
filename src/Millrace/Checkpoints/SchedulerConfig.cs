using System.Text.Json.Nodes;
using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints;

/// <summary>The <c>scheduler_config.json</c> of a diffusers folder: of it, the forward process and the prediction type count here, not the sampler.</summary>
public static class SchedulerConfig
{
    private const string Written = "DDIMScheduler";

    internal static readonly Dictionary<string, BetaSchedule> Schedules = new()
    {
        ["linear"] = BetaSchedule.Linear,
        ["scaled_linear"] = BetaSchedule.ScaledLinear,
        ["squaredcos_cap_v2"] = BetaSchedule.Cosine,
        ["exp"] = BetaSchedule.Exponential,
        ["sigmoid"] = BetaSchedule.Sigmoid,
    };

    private static readonly Dictionary<string, PredictionType> Predictions = new()
    {
        ["epsilon"] = PredictionType.Epsilon,
        ["v_prediction"] = PredictionType.VPrediction,
        ["sample"] = PredictionType.Sample,
    };

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">Where it describes another kind of process, or lacks a field; names the file and the field.</exception>
    public static DiffusersScheduler ReadVariancePreserving(string path)
    {
        var scheduler = DiffusersScheduler.Read(path);
        return scheduler.Process is VariancePreservingProcess
            ? scheduler
            : throw new InvalidDataException($"{path}: the scheduler must be one of a variance-preserving process, it is one of a {scheduler.Process.GetType().Name}.");
    }

    /// <summary>Writes a file from which <see cref="ReadVariancePreserving"/>, and diffusers, make the same process.</summary>
    /// <exception cref="ArgumentException">Where the format has no name for the prediction type.</exception>
    public static void Write(string path, VariancePreservingProcess process, PredictionType prediction) => ConfigFile.Write(path, Of(process, prediction));

    /// <summary>The configuration of DDIM for a process.</summary>
    /// <exception cref="ArgumentException">Where the format has no name for the prediction type, or for the process.</exception>
    internal static JsonObject Of(VariancePreservingProcess process, PredictionType prediction) => new()
    {
        ["_class_name"] = Written,
        ["num_train_timesteps"] = process.TrainTimesteps,
        ["beta_schedule"] = Schedules.FirstOrDefault(entry => entry.Value == process.Schedule).Key
            ?? throw new ArgumentException("A process of betas given one by one cannot be written.", nameof(process)),
        ["beta_start"] = process.BetaStart,
        ["beta_end"] = process.BetaEnd,
        ["rescale_betas_zero_snr"] = process.ZeroTerminalSnr,
        ["prediction_type"] = Predictions.FirstOrDefault(entry => entry.Value == prediction).Key
            ?? throw new ArgumentException($"prediction must be one of {string.Join(", ", Predictions.Values)}, got {prediction}.", nameof(prediction)),
        ["clip_sample"] = false,
        ["set_alpha_to_one"] = false,
        ["steps_offset"] = 1,
    };
}
