using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Schedulers that integrate over half the log-SNR in the network's own coordinates: the DPM family and UniPC.</summary>
internal static class LogSnrSchedulers
{
    public static Func<int, SamplingPlanOptions, SamplingPlan> Planner(SchedulerSettings settings)
    {
        // A network that predicts its variance too would need it split off first.
        _ = settings.Config.Choice("variance_type", "", new[] { "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log" }.ToDictionary(name => name));
        if (settings.Class != SchedulerClass.UniPCMultistep)
        {
            Func<IReadOnlyList<NoiseLevel>, GridSolver> solver = Dpm(settings);
            return (steps, plan) => new SamplingPlan(solver([.. Levels(settings, steps).Skip(plan.SkippedSteps)]), settings.Constraint, 1);
        }

        // Over the noise, UniPC of diffusers leaves the sample as it is.
        UniPCOptions options = UniPC(settings);
        SampleConstraint? constraint = options.Estimate == DpmEstimate.Sample ? settings.Constraint : null;
        return (steps, plan) => new SamplingPlan(new UniPCSolver([.. Levels(settings, steps).Skip(plan.SkippedSteps)], options), constraint, 1);
    }

    /// <summary>The DPM family, which EDM schedulers share.</summary>
    public static Func<IReadOnlyList<NoiseLevel>, GridSolver> Dpm(SchedulerSettings settings)
    {
        bool deis = settings.Class == SchedulerClass.DEISMultistep;
        (DpmEstimate estimate, bool stochastic) = settings.Config.Choice("algorithm_type", (DpmEstimate.Sample, false), new Dictionary<string, (DpmEstimate, bool)>
        {
            ["dpmsolver++"] = (DpmEstimate.Sample, false),
            ["dpmsolver"] = (DpmEstimate.Noise, false),
            ["sde-dpmsolver++"] = (DpmEstimate.Sample, true),
            ["sde-dpmsolver"] = (DpmEstimate.Noise, true),
            ["deis"] = (DpmEstimate.Sample, false),
        });
        DpmCorrection correction = settings.Config.Choice("solver_type", DpmCorrection.Midpoint, new Dictionary<string, DpmCorrection>
        {
            ["midpoint"] = DpmCorrection.Midpoint,
            ["heun"] = DpmCorrection.Heun,
            ["logrho"] = DpmCorrection.Midpoint,
            ["bh1"] = DpmCorrection.Midpoint,
            ["bh2"] = DpmCorrection.Midpoint,
        });
        var options = new DpmOptions
        {
            Order = settings.Order,
            Estimate = deis ? DpmEstimate.Noise : estimate,
            Stochastic = stochastic && !deis,
            Correction = deis ? DpmCorrection.Polynomial : correction,
            LowerOrderFinal = settings.LowerOrderFinal,
            EulerAtFinal = settings.EulerAtFinal,
        };
        settings.Config.Check(() => options.Validated());
        return settings.Class == SchedulerClass.DPMSolverSinglestep
            ? levels => new DpmSinglestepSolver(levels, Singlestep(options, levels))
            : levels => new DpmSolver(levels, options);
    }

    /// <summary>Where the steps do not come out even, or end at 0, diffusers shortens the last ones.</summary>
    private static DpmOptions Singlestep(DpmOptions options, IReadOnlyList<NoiseLevel> levels) =>
        options with { LowerOrderFinal = options.LowerOrderFinal || (levels.Count - 1) % options.Order != 0 || levels[^1].Sigma == 0 };

    private static UniPCOptions UniPC(SchedulerSettings settings)
    {
        settings.Config.Only("solver_p", "null");
        var options = new UniPCOptions
        {
            Order = settings.Order,
            Estimate = settings.Config.Flag("predict_x0", true) ? DpmEstimate.Sample : DpmEstimate.Noise,
            Basis = settings.Config.Choice("solver_type", UniPCBasis.Exponential, new Dictionary<string, UniPCBasis>
            {
                ["bh1"] = UniPCBasis.Linear,
                ["bh2"] = UniPCBasis.Exponential,
                ["midpoint"] = UniPCBasis.Exponential,
                ["heun"] = UniPCBasis.Exponential,
                ["logrho"] = UniPCBasis.Exponential,
            }),
            LowerOrderFinal = settings.LowerOrderFinal,
            UncorrectedSteps = settings.Config.Integers("disable_corrector", []),
        };
        settings.Config.Check(() => options.Validated());
        return options;
    }

    private static IReadOnlyList<NoiseLevel> Levels(SchedulerSettings settings, int steps)
    {
        VariancePreservingProcess process = settings.Preserving;
        int count = process.TrainTimesteps, clipped = count - process.AlphaBar.Count(alphaBar => Math.Log(alphaBar / (1 - alphaBar)) / 2 < settings.LambdaMinClipped);
        bool single = settings.Class == SchedulerClass.DPMSolverSinglestep;
        IReadOnlyList<double> timesteps = TimestepGrids.SpacedWithEnd(single ? TimestepSpacing.Linspace : settings.Spacing, steps, count, settings.Offset, clipped);
        IReadOnlyList<double> sigmas = [.. timesteps.Select(timestep => process.NoiseRatio(Math.Min(timestep, count - 1)))];
        if (settings.SigmaSpacing != SigmaSpacing.Timesteps)
        {
            sigmas = SigmaGrids.Spaced(settings.SigmaSpacing, settings.SigmaMin ?? process.NoiseRatio(0), settings.SigmaMax ?? process.NoiseRatio(count - 1), steps);
            timesteps = [.. sigmas.Select(sigma => Math.Round(process.TimestepOf(sigma)))];
        }

        double end = settings.FinalIsZero ? 0 : process.NoiseRatio(0);
        return [.. sigmas.Zip(timesteps, Level), Level(end, 0)];
    }

    private static NoiseLevel Level(double sigma, double timestep)
    {
        double alpha = 1 / Math.Sqrt(1 + (sigma * sigma));
        return new NoiseLevel(timestep, alpha, sigma * alpha);
    }
}
