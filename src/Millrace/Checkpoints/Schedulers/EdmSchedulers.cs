using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers for networks preconditioned as in EDM.</summary>
internal static class EdmSchedulers
{
    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings) => settings.Class == SchedulerClass.EDMEuler
        ? Planner(settings, (_, levels) => new DdimSolver(NoiseInterval.Between(levels)), endsAtZero: true)
        : Planner(settings, Dpm(settings), settings.FinalIsZero);

    /// <summary>Heun's method or Euler's with fresh noise before every step, in place of the class's own.</summary>
    public static Func<int, SamplingPlanOptions, SamplingPlan> Churned(SchedulerSettings settings, StochasticChurn churn, bool corrects) =>
        Planner(settings, (path, levels) => HeunSolver.Churned(path, levels, churn, corrects), endsAtZero: true);

    private static Func<SigmaPath, IReadOnlyList<NoiseLevel>, GridSolver> Dpm(SchedulerSettings settings)
    {
        Func<IReadOnlyList<NoiseLevel>, GridSolver> solver = LogSnrSchedulers.Dpm(settings);
        return (_, levels) => solver(levels);
    }

    private static Func<int, SamplingPlanOptions, SamplingPlan> Planner(
        SchedulerSettings settings, Func<SigmaPath, IReadOnlyList<NoiseLevel>, GridSolver> solver, bool endsAtZero)
    {
        var process = (EdmProcess)settings.Process;
        SigmaPath path = SigmaPath.Of(process);
        bool exponential = settings.Config.Choice("sigma_schedule", false, new Dictionary<string, bool> { ["karras"] = false, ["exponential"] = true });
        double rho = settings.Config.Number("rho", 7);
        double end = endsAtZero ? 0 : process.SigmaMin;
        return (steps, options) =>
        {
            IReadOnlyList<double> sigmas = exponential
                ? SigmaGrids.Exponential(process.SigmaMin, process.SigmaMax, steps)
                : SigmaGrids.Karras(process.SigmaMin, process.SigmaMax, steps, rho);
            GridSolver made = solver(path, [.. sigmas.Skip(options.SkippedSteps).Select(path.At), path.At(end)]);
            return new SamplingPlan(made, settings.Constraint, Math.Sqrt((made.First.Sigma * made.First.Sigma) + 1));
        };
    }
}
