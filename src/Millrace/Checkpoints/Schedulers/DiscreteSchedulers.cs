using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers that walk whole training timesteps in the network's own coordinates.</summary>
internal static class DiscreteSchedulers
{
    private static readonly Dictionary<string, AncestralVariance> Variances = new()
    {
        ["fixed_small"] = AncestralVariance.Posterior,
        ["fixed_small_log"] = AncestralVariance.Posterior,
        ["fixed_large"] = AncestralVariance.Forward,
    };

    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings)
    {
        Func<int, SamplingPlanOptions, ISolver> solver = settings.Class switch
        {
            SchedulerClass.DDPM => Ddpm(settings),
            SchedulerClass.DDIM => (steps, options) => new DdimSolver(Steps(settings, steps, options, End(settings))),
            SchedulerClass.DDIMInverse => (steps, options) => Inversion(settings, steps, options),
            SchedulerClass.PNDM => Pndm(settings),
            SchedulerClass.LCM => (steps, options) => new LcmSolver(
                [.. Timesteps(settings, steps, options).Select(timestep => ConsistencyLevel.At(settings.Process, timestep, settings.TimestepScaling))]),
            _ => (steps, options) => new TcdSolver(settings.Process, Timesteps(settings, steps, options)),
        };
        return (steps, options) => new SamplingPlan(solver(steps, options), settings.Constraint, 1);
    }

    private static Func<int, SamplingPlanOptions, ISolver> Ddpm(SchedulerSettings settings)
    {
        AncestralVariance variance = settings.Config.Choice("variance_type", AncestralVariance.Posterior, Variances);
        return (steps, options) => new DdimSolver(Steps(settings, steps, options, new NoiseLevel(0, 1, 0)), eta: 1, variance);
    }

    private static Func<int, SamplingPlanOptions, ISolver> Pndm(SchedulerSettings settings)
    {
        bool multistepOnly = settings.Config.Flag("skip_prk_steps", false);
        NoiseLevel end = End(settings);
        NoiseLevel At(int timestep) => timestep < 0 ? end : LevelAt(settings, timestep);
        return (steps, options) =>
        {
            int[] timesteps = [.. Spaced(settings, steps).Skip(options.SkippedSteps).Select(timestep => (int)timestep)];
            int width = settings.TrainTimesteps / steps;
            return new PndmSolver(multistepOnly ? PndmEvaluation.Multistep(timesteps, width, At) : PndmEvaluation.RungeKuttaFirst(timesteps, width, At));
        };
    }

    /// <summary>A step's end is counted from its start by the mean width, and so need not be where the next one starts.</summary>
    private static IReadOnlyList<NoiseInterval> Steps(SchedulerSettings settings, int steps, SamplingPlanOptions options, NoiseLevel end)
    {
        int width = settings.TrainTimesteps / steps;
        return
        [
            .. Spaced(settings, steps).Skip(options.SkippedSteps).Select(timestep => new NoiseInterval(
                LevelAt(settings, timestep), timestep < width ? end : LevelAt(settings, timestep - width))),
        ];
    }

    private static DdimSolver Inversion(SchedulerSettings settings, int steps, SamplingPlanOptions options)
    {
        int width = settings.TrainTimesteps / steps;
        NoiseLevel Start(double timestep) => timestep < width ? End(settings) : LevelAt(settings, timestep - width);
        return new DdimSolver(
        [
            .. Spaced(settings, steps).Reverse().Skip(options.SkippedSteps).Select(timestep => new NoiseInterval(
                Start(timestep) with { Timestep = timestep }, LevelAt(settings, timestep))),
        ]);
    }

    private static IEnumerable<double> Spaced(SchedulerSettings settings, int steps) =>
        TimestepGrids.Spaced(settings.Spacing, steps, settings.TrainTimesteps, settings.Offset).Select(timestep => Math.Round(timestep));

    private static IReadOnlyList<int> Timesteps(SchedulerSettings settings, int steps, SamplingPlanOptions options) =>
        [.. LcmTimesteps.Grid(steps, settings.TrainTimesteps, options.OriginalSteps ?? settings.OriginalSteps).Skip(options.SkippedSteps)];

    private static NoiseLevel End(SchedulerSettings settings) =>
        settings.AlphaToOne ? new NoiseLevel(0, 1, 0) : settings.Process.LevelAt(0);

    private static NoiseLevel LevelAt(SchedulerSettings settings, double timestep) =>
        settings.Process.LevelAt(Math.Min(timestep, settings.TrainTimesteps - 1)) with { Timestep = timestep };
}
