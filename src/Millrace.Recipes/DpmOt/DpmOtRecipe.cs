using Millrace.Evaluation;
using Millrace.Processes;
using Millrace.Recipes.Worlds;
using Millrace.Solvers;
using Millrace.Solvers.Transport;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Recipes.DpmOt;

/// <summary>An optimal-transport jump to late latents, against samplers with as many network calls from pure noise.</summary>
public sealed class DpmOtRecipe : Recipe
{
    private const string Jump = "transport and 10 calls", Langevin = "Langevin, 10 calls", Ode = "ODE, 10 calls", HeldOut = "held-out data";
    private const string Mixed = "share between the modes", Distance = "sliced W2", Novelty = "novelty", Worst = "worst cell, in 1 / N";
    private const int Batch = 1024, TrainingSteps = 8000, Targets = 500, Points = 20_000, Calls = 10, Levels = Calls / 2, MassSamples = 1_000_000;
    private const double LateSigma = 0.3, LangevinShare = 0.15;

    private static readonly GaussianRing Ring = new(Radius: 1.4, Deviation: 0.035);
    private static readonly EdmProcess Process = new(sigmaData: 1);

    /// <inheritdoc/>
    public override string Name => "dpm-ot";

    /// <inheritdoc/>
    public override string Title => "DPM-OT: A New Diffusion Probabilistic Model Based on Optimal Transport";

    /// <inheritdoc/>
    public override string Source => "Li et al. 2023, arXiv 2307.11308";

    /// <inheritdoc/>
    public override string Claim => "An optimal-transport map from noise to stored late latents skips most of the reverse process and leaves few samples between the modes.";

    /// <inheritdoc/>
    public override string Experiment =>
        "points on a ring of eight narrow Gaussians and an EDM model; 500 training points with noise of sigma 0.3 are the targets, and ten Euler steps finish. Beside it the same model with ten calls from pure noise: Langevin (five levels of two steps) and the deterministic ODE (Heun).";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("share between the modes, transport over Langevin", 0.3, found => found[Jump, Mixed] / Math.Max(found[Langevin, Mixed], 1e-4)),
        new("share between the modes, transport over ODE", 0.3, found => found[Jump, Mixed] / Math.Max(found[Ode, Mixed], 1e-4)),
        new("sliced W2, transport over Langevin", 0.7, found => found[Jump, Distance] / found[Langevin, Distance]),
        new("sliced W2, transport over ODE", 0.7, found => found[Jump, Distance] / found[Ode, Distance]),
        new("largest difference of a cell's mass from 1 / N, in 1 / N", 0.2, found => found[Jump, Worst]),
        new("novelty: distance to the nearest training point over that of held-out data", 0.5, found => found[Jump, Novelty] / found[HeldOut, Novelty]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override string Notes => "Few samples land between the modes, and they are as new as held-out data. Not every seed's cells reach their masses in 800 iterations.";

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        int points = context.Steps(Points), targets = Math.Max(20, context.Steps(Targets));
        using var network = new PointNetwork(PredictionType.Edm, context.Seed, timeScale: 0.25);
        context.Train(
            "model", new RegressionObjective(network, network, Process, Ring.Independent(Batch)) { TimeLaw = new LogNormalTimeLaw(Process) }, Training.Options(context.Steps(TrainingSteps)));

        using var scope = NewDisposeScope();
        using var random = new SeededRandom(context.Seed + 300, CPU);
        using var generator = new Generator((ulong)context.Seed + 400);
        Tensor training = Ring.Draw(targets, random).Points, noise = random.Normal(points, 2, 1, 1), data = Ring.Draw(points, random).Points;
        Tensor late = training.Plus(random.Normal(targets, 2, 1, 1).Times(LateSigma));
        context.Progress.Report("solving the transport");
        using SemiDiscreteTransport map = SemiDiscreteTransport.Solve(
            late, new TransportOptions { Iterations = Math.Max(50, context.Steps(1000)) }, context.Seed, cancellation: context.Cancellation);
        Tensor masses = map.Masses(Math.Max(10_000, context.Steps(MassSamples)), generator);
        found[Jump, Worst] = masses.Times(targets).Plus(-1).abs().max().item<float>();

        var finish = new Sampler(network, new DdimSolver(EdmSampling.Steps(Process, Calls, LateSigma)));
        Measure(Jump, finish.Follow(map.Draw(points, generator)));
        Measure(Langevin, Anneal(network, noise, random));
        Measure(Ode, EdmSampling.Heun(network, Process, (Calls + 1) / 2).Follow(noise.Times(Process.SigmaMax)));
        found[HeldOut, Novelty] = Nearest(Ring.Draw(points, random).Points);
        return found;

        double Nearest(Tensor drawn)
        {
            (Tensor distance, _) = cdist(drawn.flatten(1), training.flatten(1)).min(1);
            return distance.median().item<float>();
        }

        void Measure(string arm, Tensor drawn)
        {
            using var inner = NewDisposeScope();
            (Tensor distance, _) = cdist(drawn.flatten(1), Ring.Corners()).min(1);
            found[arm, Mixed] = 1 - distance.IsBelow(4 * Ring.Deviation).to(float32).mean().item<float>();
            found[arm, Distance] = SlicedWasserstein.Distance(drawn, data);
            found[arm, Novelty] = Nearest(drawn);
        }
    }

    /// <summary>Annealed Langevin dynamics: x += a s(x) + sqrt(2 a) z with a = share sigma^2, two steps a level, and a last step to the clean sample.</summary>
    private static Tensor Anneal(PointNetwork network, Tensor noise, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        IReadOnlyList<double> sigmas = SigmaGrids.Exponential(Ring.Deviation, 3, Levels);
        var path = SigmaPath.Of(Process);
        Tensor x = noise.Times(sigmas[0]);
        for (int call = 0; call < Calls; call++)
        {
            double sigma = sigmas[call * Levels / Calls], step = LangevinShare * sigma * sigma;
            Tensor denoised = Denoise(x, sigma);
            x = call == Calls - 1
                ? denoised
                : x.Plus(denoised.Minus(x).Times(step / (sigma * sigma))).Plus(random.Normal(x.shape).Times(Math.Sqrt(2 * step)));
        }

        return x.MoveToOuterDisposeScope();

        Tensor Denoise(Tensor at, double sigma)
        {
            NoiseLevel level = path.At(sigma);
            Tensor t = TensorArithmetic.Filled(level.Timestep, CPU, at.shape[0]);
            return Estimate.Of(PredictionType.Edm, network.Predict(at.Times(level.InputScale), t, Conditioning.WithoutText(at.shape[0])), at, level).Sample;
        }
    }
}
