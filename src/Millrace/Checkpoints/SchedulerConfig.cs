using System.Text.Json.Nodes;
using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints;

/// <summary>The <c>scheduler_config.json</c> of a diffusers folder: of it, the forward process and the prediction type count here, not the sampler.</summary>
public static class SchedulerConfig
{
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
    public static DiffusersScheduler Read(string path)
    {
        var scheduler = DiffusersScheduler.Read(path);
        return scheduler.Process is VariancePreservingProcess or FlowProcess
            ? scheduler
            : throw new InvalidDataException($"{path}: the scheduler must be one of a variance-preserving process or of a flow, it is one of a {scheduler.Process.GetType().Name}.");
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and diffusers, make the same process.</summary>
    /// <exception cref="ArgumentException">Where the format has no name for the process, or none for the prediction type over it.</exception>
    public static void Write(string path, IDiffusionProcess process, PredictionType prediction) => ConfigFile.Write(path, Of(process, prediction));

    /// <summary>The configuration of Euler's method for a flow, of DDIM for another process.</summary>
    /// <exception cref="ArgumentException">Where the format has no name for the process, or none for the prediction type over it.</exception>
    internal static JsonObject Of(IDiffusionProcess process, PredictionType prediction) => process switch
    {
        FlowProcess flow when prediction == PredictionType.Flow => new()
        {
            ["_class_name"] = "FlowMatchEulerDiscreteScheduler",
            ["num_train_timesteps"] = flow.TrainTimesteps,
            ["shift"] = flow.Shift,
        },
        VariancePreservingProcess preserving => Ddim(preserving, prediction),
        _ => throw new ArgumentException($"A {process.GetType().Name} with prediction {prediction} cannot be written.", nameof(process)),
    };

    private static JsonObject Ddim(VariancePreservingProcess process, PredictionType prediction) => new()
    {
        ["_class_name"] = "DDIMScheduler",
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
