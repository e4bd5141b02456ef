using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers for flows.</summary>
internal static class FlowSchedulers
{
    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings)
    {
        var process = (FlowProcess)settings.Process;
        settings.Config.Only("time_shift_type", "\"exponential\"");
        settings.Config.Check(() =>
        {
            if (settings.SigmaSpacing != SigmaSpacing.Timesteps)
            {
                throw new ArgumentException($"the noise levels of a flow are laid out by its shift alone, got {settings.SigmaSpacing}.");
            }
        });
        SigmaPath path = SigmaPath.Of(process);
        bool dynamic = settings.DynamicShift is not null;
        double? Mu(SamplingPlanOptions options) =>
            settings.DynamicShift is { } shift && options is { Mu: null, Tokens: { } tokens } ? Math.Log(shift.For(tokens)) : options.Mu;
        return (steps, options) =>
        {
            IReadOnlyList<NoiseLevel> levels = [.. Sigmas(process, dynamic, steps, options with { Mu = Mu(options) }).Skip(options.SkippedSteps).Select(path.At), path.At(0)];
            return new SamplingPlan(Solver(settings.Class, path, levels), settings.Constraint, 1);
        };
    }

    private static GridSolver Solver(SchedulerClass name, SigmaPath path, IReadOnlyList<NoiseLevel> levels) => name switch
    {
        SchedulerClass.FlowMatchEulerDiscrete => new DdimSolver(NoiseInterval.Between(levels)),
        SchedulerClass.FlowMatchHeunDiscrete => new HeunSolver(path, NoiseInterval.Between(levels)),
        _ => new LcmSolver([.. levels.SkipLast(1).Select(level => ConsistencyLevel.At(level))]),
    };

    /// <summary>Sigmas from that of T down to that of 1, both already shifted where the shift is fixed, evenly spaced and shifted once more.</summary>
    private static IEnumerable<double> Sigmas(FlowProcess process, bool dynamic, int steps, SamplingPlanOptions options)
    {
        if (dynamic != options.Mu.HasValue)
        {
            throw new ArgumentException(dynamic
                ? "A flow whose shift depends on the size of the picture needs mu."
                : "A flow whose shift is fixed takes no mu.", nameof(options));
        }

        var shift = dynamic ? new FlowProcess(Math.Exp(options.Mu!.Value), process.TrainTimesteps) : process;
        double first = 1.0 / process.TrainTimesteps;
        return (options.Sigmas ?? TimestepGrids.Linear(1, dynamic ? first : shift.Shifted(first), steps)).Select(shift.Shifted);
    }
}
