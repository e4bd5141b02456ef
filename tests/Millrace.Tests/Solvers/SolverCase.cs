using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Tests.Solvers;

/// <summary>A solver as the common suite runs it.</summary>
/// <param name="Name">What users call it.</param>
/// <param name="Make">Builds it over sigmas from the noise down.</param>
/// <param name="Order">Its order; null where it is stochastic or not made for the probability flow.</param>
/// <param name="Network">What it asks a network for.</param>
public sealed record SolverCase(string Name, Func<IReadOnlyList<double>, ISolver> Make, double? Order, PredictionType Network = PredictionType.Sample)
{
    private static readonly SigmaPath Exploding = SigmaPath.Of(VariancePreservingProcess.StableDiffusion);
    private static readonly SigmaPath Edm = SigmaPath.Of(new EdmProcess());
    private static readonly SigmaPath Flow = SigmaPath.Of(new FlowProcess());

    public static IReadOnlyList<SolverCase> All { get; } =
    [
        new("DDIM", sigmas => new DdimSolver(NoiseInterval.Between(Preserving(sigmas))), 1, PredictionType.Epsilon),
        new("DDIM, eta 0.5", sigmas => new DdimSolver(NoiseInterval.Between(Preserving(sigmas)), eta: 0.5), null, PredictionType.VPrediction),
        new("DDPM", sigmas => new DdimSolver(NoiseInterval.Between(Preserving(sigmas)), eta: 1), null),
        new("Euler", sigmas => new DdimSolver(NoiseInterval.Between(Of(Exploding, sigmas))), 1),
        new("Euler ancestral", sigmas => new DdimSolver(NoiseInterval.Between(Of(Exploding, sigmas)), eta: 1), null),
        new("Flow Euler", sigmas => new DdimSolver(NoiseInterval.Between(Flowing(sigmas))), 1, PredictionType.Flow),
        new("EDM Euler", sigmas => new DdimSolver(NoiseInterval.Between(Of(Edm, sigmas))), 1),
        new("Heun", sigmas => new HeunSolver(Exploding, NoiseInterval.Between(Of(Exploding, sigmas))), 2, PredictionType.VPrediction),
        new("Flow Heun", sigmas => new HeunSolver(Flow, NoiseInterval.Between(Flowing(sigmas))), 2, PredictionType.Flow),
        new("Restart", sigmas => HeunSolver.Restart(Exploding, sigmas, new RestartInterval(0.5, 2, 2)), null),
        new("EDM Heun, churned", sigmas => HeunSolver.Churned(Edm, Of(Edm, sigmas), new StochasticChurn(2)), null),
        new("Euler, churned", sigmas => HeunSolver.Churned(Exploding, Of(Exploding, sigmas), new StochasticChurn(2, 0.3, 4, 1.01), corrects: false), null, PredictionType.Epsilon),
        new("Euler, churned by 0", sigmas => HeunSolver.Churned(Exploding, Of(Exploding, sigmas), new StochasticChurn(0), corrects: false), 1),
        new("DPM-Solver++ SDE", sigmas => new DpmSdeSolver(Exploding, Of(Exploding, sigmas)), null),
        new("Flow LCM", sigmas => new LcmSolver([.. Flowing(sigmas).SkipLast(1).Select(ConsistencyLevel.At)]), null, PredictionType.Flow),
        new("DPM2", sigmas => new Dpm2Solver(Exploding, Of(Exploding, sigmas)), 2),
        new("DPM2 ancestral", sigmas => new Dpm2Solver(Exploding, Of(Exploding, sigmas), eta: 1), null),
        .. Enumerable.Range(1, 4).Select(order => new SolverCase($"LMS {order}", sigmas => new LmsSolver(Exploding, Of(Exploding, sigmas), order), order)),
        new("Flow LMS 3", sigmas => new LmsSolver(Flow, Flowing(sigmas), 3), 3, PredictionType.Flow),
        new("PLMS", sigmas => new PndmSolver(PndmEvaluation.Multistep(Timesteps(sigmas), Width, Smooth(sigmas))), 2),
        new("PNDM", sigmas => new PndmSolver(PndmEvaluation.RungeKuttaFirst(Timesteps(sigmas), Width, Smooth(sigmas))), 2, PredictionType.Epsilon),
        Dpm("DPM-Solver++ 1", 1, new() { Order = 1 }),
        Dpm("DPM-Solver++ 2M", 2, new() { Order = 2 }),
        Dpm("DPM-Solver++ 2M, Heun", 2, new() { Order = 2, Correction = DpmCorrection.Heun }),
        Dpm("DPM-Solver++ 3M", 2, new() { Order = 3 }),
        Dpm("DPM-Solver++ 3M, polynomial", 3, new() { Order = 3, Correction = DpmCorrection.Polynomial }),
        Dpm("DPM-Solver 2M", 2, new() { Order = 2, Estimate = DpmEstimate.Noise }),
        Dpm("DPM-Solver++ 2M SDE", null, new() { Stochastic = true }),
        Dpm("DPM-Solver++ 3M SDE", null, new() { Order = 3, Stochastic = true, Correction = DpmCorrection.Polynomial }),
        Dpm("DPM-Solver 2M SDE", null, new() { Stochastic = true, Estimate = DpmEstimate.Noise }),
        Dpm("DEIS 2", 2, new() { Order = 2, Estimate = DpmEstimate.Noise, Correction = DpmCorrection.Polynomial }),
        Dpm("DEIS 3", 3, new() { Order = 3, Estimate = DpmEstimate.Noise, Correction = DpmCorrection.Polynomial }),
        new("EDM DPM++ 2M", sigmas => new DpmSolver(Of(Edm, sigmas), new()), 2, PredictionType.Sample),
        Single("DPM-Solver++ 2S", 2, new() { Order = 2 }),
        Single("DPM-Solver++ 2S, Heun", 2, new() { Order = 2, Correction = DpmCorrection.Heun }),
        Single("DPM-Solver++ 3S", 3, new() { Order = 3 }),
        Single("DPM-Solver++ 3S, Heun", 3, new() { Order = 3, Correction = DpmCorrection.Heun }),
        Single("DPM-Solver 3S", 3, new() { Order = 3, Estimate = DpmEstimate.Noise }),
        .. Enumerable.Range(1, 3).SelectMany(order => new[]
        {
            UniPC($"UniPC {order}", order + 1, new() { Order = order, LowerOrderFinal = false }),
            UniPC($"UniPC {order}, noise, bh1", order + 1, new() { Order = order, LowerOrderFinal = false, Estimate = DpmEstimate.Noise, Basis = UniPCBasis.Linear }),
        }),
        new("LCM", sigmas => new LcmSolver([.. Preserving(sigmas).SkipLast(1).Select(level => new ConsistencyLevel(level.Timestep, level.Alpha, level.Sigma, 0, 1))]), null),
        new("TCD", sigmas => new TcdSolver(VariancePreservingProcess.StableDiffusion, [.. Enumerable.Range(1, sigmas.Count - 1).Reverse().Select(step => step * 990 / sigmas.Count)]), null, PredictionType.Epsilon),
        new("RK45", sigmas => new RungeKutta45Solver(Exploding, sigmas[0], sigmas[^1] > 0 ? sigmas[^1] : sigmas[^2], 1e-6), null),
    ];

    public static TheoryData<string> Names => [.. All.Select(solver => solver.Name)];

    public static TheoryData<string> NamesWithOrder => [.. All.Where(solver => solver.Order is not null).Select(solver => solver.Name)];

    private const int Width = 1000;

    public static SolverCase Named(string name) => All.Single(solver => solver.Name == name);

    public static NoiseLevel[] Preserving(IEnumerable<double> sigmas) =>
        [.. sigmas.Select((sigma, index) => new NoiseLevel(999 - index, 1 / Math.Sqrt(1 + (sigma * sigma)), sigma / Math.Sqrt(1 + (sigma * sigma))))];

    public static NoiseLevel[] Of(SigmaPath path, IEnumerable<double> sigmas) => [.. sigmas.Select(path.At)];

    // sigma / alpha to the sigma of a flow.
    public static NoiseLevel[] Flowing(IEnumerable<double> sigmas) => Of(Flow, sigmas.Select(sigma => sigma / (1 + sigma)));

    private static SolverCase Dpm(string name, double? order, DpmOptions options) =>
        new(name, sigmas => new DpmSolver(Preserving(sigmas), options), order);

    private static SolverCase Single(string name, double order, DpmOptions options) =>
        new(name, sigmas => new DpmSinglestepSolver(Preserving(sigmas), options with { LowerOrderFinal = sigmas[^1] == 0 || (sigmas.Count - 1) % options.Order != 0 }), order);

    private static SolverCase UniPC(string name, double order, UniPCOptions options) =>
        new(name, sigmas => new UniPCSolver(Preserving(sigmas), options), order);

    private static int[] Timesteps(IReadOnlyList<double> sigmas) => [.. Enumerable.Range(1, sigmas.Count - 1).Reverse().Select(step => step * Width)];

    /// <summary>Levels between the first and the last sigma, geometric in the timestep, for solvers that want even timesteps.</summary>
    private static Func<int, NoiseLevel> Smooth(IReadOnlyList<double> sigmas)
    {
        (double first, double last, int count) = (sigmas[0], sigmas[^1] > 0 ? sigmas[^1] : sigmas[^2], sigmas.Count - 1);
        return timestep => timestep <= 0 && sigmas[^1] == 0
            ? new NoiseLevel(0, 1, 0)
            : Preserving([first * Math.Pow(last / first, 1 - ((double)timestep / (count * Width)))])[0] with { Timestep = timestep };
    }
}
