using System.Text.Json;
using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>A scheduler of diffusers as a process and a solver: what a <c>scheduler_config.json</c> means.</summary>
/// <remarks>
/// Settings mean what they mean in diffusers 0.24, in later versions where the class came later. Settings that belong to another
/// class are passed over, as diffusers does when the class is exchanged; settings that no class has are refused by name.
/// </remarks>
public sealed class DiffusersScheduler
{
    private readonly SchedulerSettings _settings;
    private readonly Func<int, SamplingPlanOptions, SamplingPlan> _plan;

    private DiffusersScheduler(SchedulerSettings settings)
    {
        _settings = settings;
        _plan = settings.Class switch
        {
            <= SchedulerClass.TCD => DiscreteSchedulers.Planner(settings),
            <= SchedulerClass.KDPM2AncestralDiscrete => SigmaSchedulers.Planner(settings),
            <= SchedulerClass.UniPCMultistep => LogSnrSchedulers.Planner(settings),
            <= SchedulerClass.EDMDPMSolverMultistep => EdmSchedulers.Planner(settings),
            _ => FlowSchedulers.Planner(settings),
        };
        settings.Close();
    }

    /// <summary>The process that the network was trained on.</summary>
    public IDiffusionProcess Process => _settings.Process;

    /// <summary>What the network predicts.</summary>
    public PredictionType Prediction => _settings.Prediction;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">Where the class or a setting is not known, or a value not allowed; names the file and the setting.</exception>
    public static DiffusersScheduler Read(string path) => new(new SchedulerSettings(new ConfigFile(path)));

    /// <summary>Reads a configuration within another file.</summary>
    /// <returns>Null where the class is not known.</returns>
    internal static DiffusersScheduler? Read(string path, string className, JsonElement config) =>
        SchedulerSettings.ClassNamed(className) is { } known ? new(new SchedulerSettings(new ConfigFile(path, config), known)) : null;

    /// <summary>Lays out the steps.</summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="options">What else the pipeline says.</param>
    /// <exception cref="ArgumentException">Where the steps do not fit the scheduler.</exception>
    public SamplingPlan Plan(int steps, SamplingPlanOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return _plan(steps, options ?? new SamplingPlanOptions());
    }
}
