using System.Text.Json;
using System.Text.Json.Nodes;
using Millrace.Files;
using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>A scheduler of diffusers as a process and a solver: what a <c>scheduler_config.json</c> means.</summary>
/// <remarks>
/// Settings mean what they mean in diffusers 0.24, in later versions where the class came later. Settings that belong to another
/// class are passed over, as diffusers does when the class is exchanged; settings that no class has are refused by name.
/// One step of evenly spaced timesteps starts at the last of them; diffusers, whose grid of one is its lower end, starts at 0 and draws nothing.
/// </remarks>
public sealed class DiffusersScheduler
{
    private readonly string _path;
    private readonly JsonElement _config;
    private readonly SchedulerSettings _settings;
    private readonly Func<int, SamplingPlanOptions, SamplingPlan> _plan;

    private DiffusersScheduler(string path, JsonElement config, SchedulerSettings settings, Func<SchedulerSettings, Func<int, SamplingPlanOptions, SamplingPlan>>? planner = null)
    {
        (_path, _config, _settings) = (path, config, settings);
        _plan = planner?.Invoke(settings) ?? settings.Class switch
        {
            <= SchedulerClass.TCD => DiscreteSchedulers.Planner(settings),
            <= SchedulerClass.DPMSolverSDE => SigmaSchedulers.Planner(settings),
            <= SchedulerClass.UniPCMultistep => LogSnrSchedulers.Planner(settings),
            <= SchedulerClass.EDMDPMSolverMultistep => EdmSchedulers.Planner(settings),
            _ => FlowSchedulers.Planner(settings),
        };
        settings.Close();
    }

    /// <summary>The process that the network was trained on.</summary>
    public IDiffusionProcess Process => _settings.Process;

    /// <summary>The process for a picture of so many tokens, which the shift of some flows depends on.</summary>
    internal IDiffusionProcess ProcessFor(int tokens) => _settings.DynamicShift is { } shift ? new FlowProcess(shift.For(tokens), Process.TrainTimesteps) : Process;

    /// <summary>Whether it is one for networks distilled to few steps without guidance: LCM, TCD.</summary>
    public bool IsFewStep => _settings.Class is SchedulerClass.LCM or SchedulerClass.TCD or SchedulerClass.FlowMatchLCM;

    /// <summary>What the network predicts.</summary>
    public PredictionType Prediction => _settings.Prediction;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">Where the class or a setting is not known, or a value not allowed; names the file and the setting.</exception>
    public static DiffusersScheduler Read(string path)
    {
        JsonElement config = JsonFile.Read<JsonElement>(path, "one JSON object");
        return new(path, config, new SchedulerSettings(new ConfigFile(path, config)));
    }

    /// <summary>The plain scheduler of a process: Euler's method for a flow; DDIM for another, as Stable Diffusion is sampled.</summary>
    /// <exception cref="ArgumentException">Where a configuration has no name for the process or the prediction.</exception>
    public static DiffusersScheduler Of(IDiffusionProcess process, PredictionType prediction)
    {
        JsonElement config = JsonSerializer.SerializeToElement(SchedulerConfig.Of(process, prediction));
        return new("scheduler", config, new SchedulerSettings(new ConfigFile("scheduler", config)));
    }

    /// <summary>Reads a configuration within another file.</summary>
    /// <returns>Null where the class is not known.</returns>
    internal static DiffusersScheduler? Read(string path, string className, JsonElement config) =>
        SchedulerSettings.ClassNamed(className) is { } known ? new(path, config, new SchedulerSettings(new ConfigFile(path, config), known)) : null;

    /// <summary>Another solver over the same process: the class is exchanged, the settings that both know stay.</summary>
    /// <param name="className">The class.</param>
    /// <param name="settings">Settings that take the place of those of the configuration; null removes one.</param>
    /// <param name="planner">Lays out the steps in place of the class; null for the class's own.</param>
    internal DiffusersScheduler With(
        SchedulerClass className, IReadOnlyDictionary<string, JsonNode?> settings, Func<SchedulerSettings, Func<int, SamplingPlanOptions, SamplingPlan>>? planner = null)
    {
        JsonObject config = JsonObject.Create(_config)!;
        foreach ((string name, JsonNode? value) in settings)
        {
            config[name] = value?.DeepClone();
        }

        JsonElement element = JsonSerializer.SerializeToElement(config);
        return new(_path, element, new SchedulerSettings(new ConfigFile(_path, element), className), planner);
    }

    /// <summary>Lays out the steps.</summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="options">What else the pipeline says.</param>
    /// <exception cref="ArgumentException">Where the steps do not fit the scheduler.</exception>
    public SamplingPlan Plan(int steps, SamplingPlanOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        options ??= new SamplingPlanOptions();
        return options.SkippedSteps >= 0 && options.SkippedSteps < steps
            ? _plan(steps, options)
            : throw new ArgumentOutOfRangeException(nameof(options), $"The steps left out at the start must be in 0..{steps - 1}, got {options.SkippedSteps}.");
    }
}
