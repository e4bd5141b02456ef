using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers that integrate over sigma in variance-exploding coordinates.</summary>
internal static class SigmaSchedulers
{
    /// <param name="settings">The scheduler.</param>
    /// <param name="churn">Fresh noise before every step, for Euler and Heun; null for none.</param>
    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings, StochasticChurn? churn = null)
    {
        bool logLinear = settings.Config.Choice("interpolation_type", false, new Dictionary<string, bool> { ["linear"] = false, ["log_linear"] = true });
        bool continuous = settings.Config.Choice("timestep_type", false, new Dictionary<string, bool> { ["discrete"] = false, ["continuous"] = true });
        SigmaPath path = SigmaPath.Of(settings.Preserving);
        return (steps, options) =>
        {
            IReadOnlyList<NoiseLevel> levels = [.. Levels(settings, path, steps, logLinear, continuous && settings.Prediction == PredictionType.VPrediction).Skip(options.SkippedSteps)];
            GridSolver solver = churn is null ? Solver(settings.Class, path, levels) : HeunSolver.Churned(path, levels, churn, corrects: settings.Class == SchedulerClass.HeunDiscrete);
            double largest = solver.First.Sigma;
            return new SamplingPlan(
                solver, settings.Constraint, settings.Spacing == TimestepSpacing.Leading ? Math.Sqrt((largest * largest) + 1) : largest);
        };
    }

    private static GridSolver Solver(SchedulerClass name, SigmaPath path, IReadOnlyList<NoiseLevel> levels) => name switch
    {
        SchedulerClass.EulerDiscrete => new DdimSolver(NoiseInterval.Between(levels)),
        SchedulerClass.EulerAncestralDiscrete => new DdimSolver(NoiseInterval.Between(levels), eta: 1),
        SchedulerClass.HeunDiscrete => new HeunSolver(path, NoiseInterval.Between(levels)),
        SchedulerClass.LMSDiscrete => new LmsSolver(path, levels),
        SchedulerClass.KDPM2Discrete => new Dpm2Solver(path, levels),
        SchedulerClass.DPMSolverSDE => new DpmSdeSolver(path, levels),
        _ => new Dpm2Solver(path, levels, eta: 1),
    };

    private static IReadOnlyList<NoiseLevel> Levels(SchedulerSettings settings, SigmaPath path, int steps, bool logLinear, bool continuous)
    {
        VariancePreservingProcess process = settings.Preserving;
        int last = process.TrainTimesteps - 1;
        IReadOnlyList<double> timesteps = TimestepGrids.Spaced(settings.Spacing, steps, process.TrainTimesteps, settings.Offset);
        double[] sigmas = [.. timesteps.Select(timestep => process.NoiseRatio(Math.Min(timestep, last)))];
        double end = 0;
        if (logLinear)
        {
            IReadOnlyList<double> all = SigmaGrids.Exponential(process.NoiseRatio(0), process.NoiseRatio(last), steps + 1);
            (sigmas, end) = ([.. all.Take(steps)], all[^1]);
        }

        if (settings.SigmaSpacing != SigmaSpacing.Timesteps)
        {
            double least = settings.SigmaMin ?? (logLinear ? end : sigmas[^1]);
            (sigmas, end) = ([.. SigmaGrids.Spaced(settings.SigmaSpacing, least, settings.SigmaMax ?? sigmas[0], steps)], 0);
            timesteps = [.. sigmas.Select(process.TimestepOf)];
            if (settings.Class is SchedulerClass.KDPM2Discrete or SchedulerClass.KDPM2AncestralDiscrete)
            {
                timesteps = [.. timesteps.Select(timestep => Math.Round(timestep))];
            }
        }

        double Time(int index) => continuous ? Math.Log(sigmas[index]) / 4 : timesteps[index];
        return [.. sigmas.Select((sigma, index) => path.At(sigma) with { Timestep = Time(index) }), path.At(end)];
    }
}
