using System.Text.Json.Nodes;
using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>Puts another solver in the place of the one that a model came with; the process and what it predicts stay.</summary>
public static class SolverExchange
{
    // The stretch that is gone through again: from a sigma of 0.1 back up to 2, in a quarter of the steps.
    private const double RestartFrom = 0.1, RestartTo = 2;

    private static readonly Dictionary<SolverKind, (SchedulerClass Class, (string Name, JsonNode Value)[] Settings)> Schedulers = new()
    {
        [SolverKind.Ddim] = (SchedulerClass.DDIM, []),
        [SolverKind.Ddpm] = (SchedulerClass.DDPM, []),
        [SolverKind.Pndm] = (SchedulerClass.PNDM, [("skip_prk_steps", false)]),
        [SolverKind.Plms] = (SchedulerClass.PNDM, [("skip_prk_steps", true)]),
        [SolverKind.Lms] = (SchedulerClass.LMSDiscrete, []),
        [SolverKind.Euler] = (SchedulerClass.EulerDiscrete, []),
        [SolverKind.EulerAncestral] = (SchedulerClass.EulerAncestralDiscrete, []),
        [SolverKind.Heun] = (SchedulerClass.HeunDiscrete, []),
        [SolverKind.Dpm2] = (SchedulerClass.KDPM2Discrete, []),
        [SolverKind.Dpm2Ancestral] = (SchedulerClass.KDPM2AncestralDiscrete, []),
        [SolverKind.DpmPlusPlus2M] = (SchedulerClass.DPMSolverMultistep, Dpm("dpmsolver++", 2)),
        [SolverKind.DpmPlusPlus3M] = (SchedulerClass.DPMSolverMultistep, Dpm("dpmsolver++", 3)),
        [SolverKind.DpmPlusPlus2MStochastic] = (SchedulerClass.DPMSolverMultistep, Dpm("sde-dpmsolver++", 2)),
        [SolverKind.DpmPlusPlus3MStochastic] = (SchedulerClass.DPMSolverMultistep, Dpm("sde-dpmsolver++", 3)),
        [SolverKind.DpmPlusPlus2S] = (SchedulerClass.DPMSolverSinglestep, Dpm("dpmsolver++", 2)),
        [SolverKind.DpmPlusPlusStochastic] = (SchedulerClass.DPMSolverSDE, []),
        [SolverKind.Deis] = (SchedulerClass.DEISMultistep, [("solver_order", 2), ("algorithm_type", "deis"), ("solver_type", "logrho")]),
        [SolverKind.UniPC] = (SchedulerClass.UniPCMultistep, [("solver_order", 2), ("solver_type", "bh2")]),
        [SolverKind.Lcm] = (SchedulerClass.LCM, []),
        [SolverKind.Tcd] = (SchedulerClass.TCD, []),
        [SolverKind.Restart] = (SchedulerClass.HeunDiscrete, []),
        [SolverKind.RungeKutta45] = (SchedulerClass.EulerDiscrete, []),
    };

    private static readonly Dictionary<SolverKind, SchedulerClass> OfFlows = new()
    {
        [SolverKind.Euler] = SchedulerClass.FlowMatchEulerDiscrete,
        [SolverKind.Heun] = SchedulerClass.FlowMatchHeunDiscrete,
        [SolverKind.Lcm] = SchedulerClass.FlowMatchLCM,
        [SolverKind.RungeKutta45] = SchedulerClass.FlowMatchEulerDiscrete,
    };

    private static readonly Dictionary<SolverKind, SchedulerClass> OfEdm = new()
    {
        [SolverKind.Euler] = SchedulerClass.EDMEuler,
        [SolverKind.Heun] = SchedulerClass.EDMEuler,
        [SolverKind.DpmPlusPlus2M] = SchedulerClass.EDMDPMSolverMultistep,
        [SolverKind.DpmPlusPlus3M] = SchedulerClass.EDMDPMSolverMultistep,
        [SolverKind.DpmPlusPlus3MStochastic] = SchedulerClass.EDMDPMSolverMultistep,
        [SolverKind.DpmPlusPlus2MStochastic] = SchedulerClass.EDMDPMSolverMultistep,
        [SolverKind.Restart] = SchedulerClass.EDMEuler,
        [SolverKind.RungeKutta45] = SchedulerClass.EDMEuler,
    };

    /// <summary>Exchanges the solver.</summary>
    /// <param name="scheduler">The scheduler that the model came with.</param>
    /// <param name="kind">The solver.</param>
    /// <param name="spacing">How its steps fall; null leaves that to the scheduler.</param>
    /// <param name="churn">Fresh noise before every step, for Euler and Heun; null for none.</param>
    /// <exception cref="ArgumentException">Where the solver does not run on the model's process, or has no such spacing or churn; says which do.</exception>
    public static DiffusersScheduler With(this DiffusersScheduler scheduler, SolverKind kind, SigmaSpacing? spacing = null, StochasticChurn? churn = null)
    {
        (SchedulerClass usual, (string Name, JsonNode Value)[] own) = Schedulers[kind];
        Dictionary<SolverKind, SchedulerClass> allowed = Allowed(scheduler.Process);
        if (!allowed.TryGetValue(kind, out SchedulerClass found))
        {
            throw new ArgumentException($"The solver {kind} does not run on this model's {scheduler.Process.GetType().Name}; those that do are {string.Join(", ", allowed.Keys)}.", nameof(kind));
        }

        bool spaced = usual is >= SchedulerClass.EulerDiscrete and <= SchedulerClass.UniPCMultistep && scheduler.Process is VariancePreservingProcess
            && kind is not (SolverKind.Restart or SolverKind.RungeKutta45);
        if (spacing is { } asked && asked != SigmaSpacing.Timesteps && !spaced)
        {
            throw new ArgumentException($"The steps of {kind} on this model's {scheduler.Process.GetType().Name} are laid out in one way only, got {asked}.", nameof(spacing));
        }

        if (churn is not null && (kind is not (SolverKind.Euler or SolverKind.Heun) || scheduler.Process is FlowProcess))
        {
            throw new ArgumentException($"Churn goes with Euler and Heun on a model that is not a flow, got {kind} on a {scheduler.Process.GetType().Name}.", nameof(churn));
        }

        var settings = own.ToDictionary(setting => setting.Name, setting => (JsonNode?)setting.Value);
        if (spaced)
        {
            settings["use_karras_sigmas"] = spacing == SigmaSpacing.Karras;
            settings["use_exponential_sigmas"] = spacing == SigmaSpacing.Exponential;
            settings["use_beta_sigmas"] = spacing == SigmaSpacing.Beta;
            settings["use_lu_lambdas"] = false;
        }

        _ = churn?.Validated();
        return scheduler.With(found, settings, kind switch
        {
            SolverKind.Restart => RestartPlanner,
            SolverKind.RungeKutta45 => AdaptivePlanner,
            SolverKind.Euler or SolverKind.Heun when scheduler.Process is EdmProcess && (churn is not null || kind == SolverKind.Heun) =>
                read => EdmSchedulers.Churned(read, churn ?? new StochasticChurn(0), corrects: kind == SolverKind.Heun),
            SolverKind.Euler or SolverKind.Heun when churn is not null => read => SigmaSchedulers.Planner(read, churn),
            _ => null,
        });
    }

    /// <summary>The solvers that run on a process.</summary>
    public static IEnumerable<SolverKind> SolversFor(IDiffusionProcess process) => Allowed(process).Keys;

    private static Dictionary<SolverKind, SchedulerClass> Allowed(IDiffusionProcess process) => process switch
    {
        FlowProcess => OfFlows,
        EdmProcess => OfEdm,
        _ => Schedulers.ToDictionary(entry => entry.Key, entry => entry.Value.Class),
    };

    private static (string Name, JsonNode Value)[] Dpm(string algorithm, int order) => [("algorithm_type", algorithm), ("solver_order", order), ("solver_type", "midpoint")];

    private static Func<int, SamplingPlanOptions, SamplingPlan> RestartPlanner(SchedulerSettings settings)
    {
        (SigmaPath path, double min, double max) = Way(settings.Process);
        return (steps, options) =>
        {
            double[] sigmas = [.. SigmaGrids.Karras(min, max, steps).Skip(options.SkippedSteps), 0];
            bool crosses = sigmas[0] > RestartFrom && sigmas[^2] <= RestartFrom;
            RestartInterval[] intervals = crosses ? [new RestartInterval(RestartFrom, RestartTo, Times: 1, Steps: Math.Max(2, steps / 4))] : [];
            return new SamplingPlan(HeunSolver.Restart(path, sigmas, intervals), settings.Constraint, max);
        };
    }

    private static Func<int, SamplingPlanOptions, SamplingPlan> AdaptivePlanner(SchedulerSettings settings)
    {
        (SigmaPath path, double min, double max) = Way(settings.Process);
        return (steps, options) => new SamplingPlan(
            new RungeKutta45Solver(path, SigmaGrids.Karras(min, max, steps)[options.SkippedSteps], min), settings.Constraint, max);
    }

    private static (SigmaPath Path, double Min, double Max) Way(IDiffusionProcess process) => process switch
    {
        FlowProcess flow => (SigmaPath.Of(flow), 1.0 / flow.TrainTimesteps, 1),
        EdmProcess edm => (SigmaPath.Of(edm), edm.SigmaMin, edm.SigmaMax),
        _ => (SigmaPath.Of((VariancePreservingProcess)process), ((VariancePreservingProcess)process).NoiseRatio(0), ((VariancePreservingProcess)process).NoiseRatio(process.TrainTimesteps - 1)),
    };
}
