using System.Text.Json.Nodes;
using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints;

/// <summary>The <c>scheduler_config.json</c> of a diffusers folder: of it, the forward process and the prediction type count here, not the sampler.</summary>
public static class SchedulerConfig
{
    private const string Written = "DDIMScheduler";
    private const int MostTimesteps = 1_000_000;

    private static readonly string[] VariancePreserving =
    [
        Written, "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler",
        "DPMSolverSDEScheduler", "DPMSolverSinglestepScheduler", "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler", "LCMScheduler", "LMSDiscreteScheduler", "PNDMScheduler", "TCDScheduler", "UniPCMultistepScheduler",
    ];

    private static readonly Dictionary<string, BetaSchedule> Schedules = new()
    {
        ["linear"] = BetaSchedule.Linear,
        ["scaled_linear"] = BetaSchedule.ScaledLinear,
        ["squaredcos_cap_v2"] = BetaSchedule.Cosine,
    };

    private static readonly Dictionary<string, PredictionType> Predictions = new()
    {
        ["epsilon"] = PredictionType.Epsilon,
        ["v_prediction"] = PredictionType.VPrediction,
        ["sample"] = PredictionType.Sample,
    };

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">Where it describes another kind of process, or lacks a field; names the file and the field.</exception>
    public static (VariancePreservingProcess Process, PredictionType Prediction) Read(string path)
    {
        var config = new ConfigFile(path);
        _ = config.Choice("_class_name", VariancePreserving.ToDictionary(name => name));
        config.Only("trained_betas", "null");
        config.Only("rescale_betas_zero_snr", "false");
        BetaSchedule schedule = config.Choice("beta_schedule", Schedules);
        (double start, double end, int timesteps) = (config.Number("beta_start"), config.Number("beta_end"), config.Integer("num_train_timesteps", 1000));
        config.Check(() => ArgumentOutOfRangeException.ThrowIfGreaterThan(timesteps, MostTimesteps, "num_train_timesteps"));
        PredictionType prediction = config.Choice("prediction_type", PredictionType.Epsilon, Predictions);
        return (config.Checked(() => new VariancePreservingProcess(schedule, start, end, timesteps)), prediction);
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and diffusers, make the same process.</summary>
    /// <exception cref="ArgumentException">Where the format has no name for the prediction type.</exception>
    public static void Write(string path, VariancePreservingProcess process, PredictionType prediction) => ConfigFile.Write(path, new JsonObject
    {
        ["_class_name"] = Written,
        ["num_train_timesteps"] = process.TrainTimesteps,
        ["beta_schedule"] = Schedules.First(entry => entry.Value == process.Schedule).Key,
        ["beta_start"] = process.BetaStart,
        ["beta_end"] = process.BetaEnd,
        ["prediction_type"] = Predictions.FirstOrDefault(entry => entry.Value == prediction).Key
            ?? throw new ArgumentException($"prediction must be one of {string.Join(", ", Predictions.Values)}, got {prediction}.", nameof(prediction)),
        ["clip_sample"] = false,
        ["set_alpha_to_one"] = false,
        ["steps_offset"] = 1,
    });
}
