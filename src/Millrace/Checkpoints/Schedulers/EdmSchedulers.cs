using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers for networks preconditioned as in EDM.</summary>
internal static class EdmSchedulers
{
    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings)
    {
        var process = (EdmProcess)settings.Process;
        SigmaPath path = SigmaPath.Of(process);
        bool exponential = settings.Config.Choice("sigma_schedule", false, new Dictionary<string, bool> { ["karras"] = false, ["exponential"] = true });
        double rho = settings.Config.Number("rho", 7);
        Func<IReadOnlyList<NoiseLevel>, ISolver> solver = settings.Class == SchedulerClass.EDMEuler
            ? levels => new DdimSolver(NoiseInterval.Between(levels))
            : LogSnrSchedulers.Dpm(settings);
        double end = settings.FinalIsZero || settings.Class == SchedulerClass.EDMEuler ? 0 : process.SigmaMin;
        return (steps, options) =>
        {
            IReadOnlyList<double> sigmas = exponential
                ? SigmaGrids.Exponential(process.SigmaMin, process.SigmaMax, steps)
                : SigmaGrids.Karras(process.SigmaMin, process.SigmaMax, steps, rho);
            return new SamplingPlan(solver([.. sigmas.Skip(options.SkippedSteps).Select(path.At), path.At(end)]), settings.Constraint, Math.Sqrt((process.SigmaMax * process.SigmaMax) + 1));
        };
    }
}
