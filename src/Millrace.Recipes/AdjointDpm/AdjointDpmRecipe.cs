using Millrace.Distillation;
using Millrace.Recipes.Worlds;
using Millrace.Runtime;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.AdjointDpm;

/// <summary>Gradients through a sampler: the adjoint in two coordinates, the checkpointed steps and plain autograd.</summary>
public sealed class AdjointDpmRecipe : Recipe
{
    private const string Exponential = "adjoint without drift", Plain = "adjoint in time", Checkpointed = "checkpointed", Full = "full autograd";
    private const string Success = "task solved", Memory = "peak memory, 50 over 5 steps", Cosine = "cosine with full autograd";
    private const int Batch = 1024, TrainingSteps = 8000, Points = 512, MemoryPoints = 16_000, Updates = 50, FineSteps = 400;
    private const double First = 5, Last = 999, Rate = 0.1, Sharpness = 4, Margin = 0.3;

    private static readonly int[] Grids = [5, 10, 20, 50];
    private static readonly GaussianRing Ring = new(Radius: 1.4, Deviation: 0.07);

    /// <inheritdoc/>
    public override string Name => "adjoint-dpm";

    /// <inheritdoc/>
    public override string Title => "AdjointDPM: Adjoint Sensitivity Method for Gradient Backpropagation of Diffusion Probabilistic Models";

    /// <inheritdoc/>
    public override string Source => "Pan et al. 2023, arXiv 2307.10711";

    /// <inheritdoc/>
    public override string Claim => "Gradients through a sampler cost the memory of one network call, and are accurate in few steps once the linear drift is taken out.";

    /// <inheritdoc/>
    public override string Experiment =>
        "a noise-predicting model of a ring of eight Gaussians; the loss is a fixed classifier's for the corner opposite to where a sample lands. Errors of the adjoint (Euler) are relative to the gradient of 400 classical Runge-Kutta steps; the task moves the noise by 50 updates (Adam, 0.1) over 20 steps until the classifier agrees. Recovering an embedding is left out.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("relative error at 10 steps, without drift over in time", 0.5, found => found[Exponential, Error(10)] / found[Plain, Error(10)]),
        new("relative error at 20 steps, without drift over in time", 0.5, found => found[Exponential, Error(20)] / found[Plain, Error(20)]),
        new("cosine of the checkpointed gradient with full autograd", 0.9999, found => found[Checkpointed, Cosine]) { AtLeast = true },
        new("task solved, checkpointed over full autograd", 0.95, found => found[Checkpointed, Success] / Math.Max(found[Full, Success], 1e-3)) { AtLeast = true },
        new("peak memory at 50 steps over 5, checkpointed", 1.3, found => found[Checkpointed, Memory]),
        new("peak memory at 50 steps over 5, adjoint", 1.3, found => found[Exponential, Memory]),
        new("peak memory at 50 steps over 5, full autograd", 5, found => found[Full, Memory]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        using var network = new PointNetwork(PredictionType.Epsilon, context.Seed);
        context.Train("model", new RegressionObjective(network, network, DiffusionSampling.Process, Ring.Independent(Batch)), Training.Options(context.Steps(TrainingSteps)));

        using var scope = NewDisposeScope();
        using var random = new SeededRandom(context.Seed + 300, CPU);
        int points = Math.Max(16, context.Steps(Points));
        Tensor noise = random.Normal(points, 2, 1, 1), opposite = Opposite(Of(network, 50, RungeKuttaMethod.Euler).Sample(noise, None(points)));

        context.Progress.Report("comparing gradients");
        using FlowGradients fine = Of(network, Math.Max(100, context.Steps(FineSteps)), RungeKuttaMethod.Classical).Checkpointed(noise, None(points), sample => Loss(sample, opposite), []);
        foreach (int steps in Grids)
        {
            found[Exponential, Error(steps)] = Distance(Of(network, steps, RungeKuttaMethod.Euler).Adjoint(noise, None(points), sample => Loss(sample, opposite), []), fine);
            found[Plain, Error(steps)] = Distance(InTime(network, steps).Adjoint(noise, None(points), sample => Loss(sample, opposite), []), fine);
            found[Checkpointed, Error(steps)] = Distance(Of(network, steps, RungeKuttaMethod.Euler).Checkpointed(noise, None(points), sample => Loss(sample, opposite), []), fine);
        }

        FlowGradient twenty = Of(network, 20, RungeKuttaMethod.Euler);
        FlowGradients full = twenty.Full(noise, None(points), sample => Loss(sample, opposite), []);
        found[Checkpointed, Cosine] = Similarity(twenty.Checkpointed(noise, None(points), sample => Loss(sample, opposite), []), full);
        found[Exponential, Cosine] = Similarity(twenty.Adjoint(noise, None(points), sample => Loss(sample, opposite), []), full);

        context.Progress.Report("solving the task");
        int updates = context.Steps(Updates);
        found[Full, Success] = Solve(twenty, twenty.Full, noise, opposite, updates);
        found[Checkpointed, Success] = Solve(twenty, twenty.Checkpointed, noise, opposite, updates);
        found[Exponential, Success] = Solve(twenty, twenty.Adjoint, noise, opposite, updates);

        context.Progress.Report("measuring memory");
        int memoryPoints = Math.Max(2000, context.Steps(MemoryPoints));
        Tensor many = random.Normal(memoryPoints, 2, 1, 1), wanted = random.Integers(GaussianRing.Modes, memoryPoints);
        Tensor[] weights = [.. network.parameters()];
        double Ratio(Func<FlowGradient, Gradient> of)
        {
            double Peak(int steps) => PeakMemory.Of(() => of(Of(network, steps, RungeKuttaMethod.Euler))(many, None(memoryPoints), sample => Loss(sample, wanted), weights).Dispose());
            Peak(5);
            return Peak(50) / Peak(5);
        }

        found[Full, Memory] = Ratio(flow => flow.Full);
        found[Checkpointed, Memory] = Ratio(flow => flow.Checkpointed);
        found[Exponential, Memory] = Ratio(flow => flow.Adjoint);
        return found;
    }

    private delegate FlowGradients Gradient(Tensor x, Conditioning conditioning, Func<Tensor, Tensor> loss, IReadOnlyList<Tensor> parameters);

    private static string Error(int steps) => $"relative error, {steps} steps";

    private static FlowGradient Of(IDenoiser denoiser, int steps, RungeKuttaMethod method) =>
        new(ProbabilityFlow.WithoutDrift(denoiser, DiffusionSampling.Process, steps, First, Last), method);

    private static FlowGradient InTime(IDenoiser denoiser, int steps) =>
        new(ProbabilityFlow.InTime(denoiser, DiffusionSampling.Process, steps, First, Last), RungeKuttaMethod.Euler);

    private static Conditioning None(long rows) => Conditioning.WithoutText(rows);

    private static Tensor Logits(Tensor sample) => cdist(sample.flatten(1), Ring.Corners()).Squared().Times(-Sharpness);

    private static Tensor Loss(Tensor sample, Tensor classes) => nn.functional.cross_entropy(Logits(sample), classes, reduction: nn.Reduction.Sum);

    private static Tensor Opposite(Tensor sample) => Ring.Nearest(sample).Plus(GaussianRing.Modes / 2).remainder(TensorArithmetic.Indices(1).Plus(GaussianRing.Modes));

    private static double Distance(FlowGradients gradients, FlowGradients reference)
    {
        using (gradients)
        {
            return gradients.Noise.Minus(reference.Noise).norm().item<float>() / reference.Noise.norm().item<float>();
        }
    }

    private static double Similarity(FlowGradients gradients, FlowGradients reference)
    {
        using (gradients)
        {
            return (gradients.Noise * reference.Noise).sum().item<float>() / (gradients.Noise.norm().item<float>() * (double)reference.Noise.norm().item<float>());
        }
    }

    /// <summary>Share of the noises that come to land near the wanted corner.</summary>
    private static double Solve(FlowGradient flow, Gradient gradient, Tensor noise, Tensor wanted, int updates)
    {
        using var scope = NewDisposeScope();
        Tensor moved = noise.clone(), mean = zeros_like(noise), square = zeros_like(noise);
        for (int update = 1; update <= updates; update++)
        {
            using var inner = NewDisposeScope();
            using FlowGradients found = gradient(moved, None(noise.shape[0]), sample => Loss(sample, wanted), []);
            mean.MoveTowards(found.Noise, 0.1);
            square.MoveTowards(found.Noise.Squared(), 0.01);
            Tensor size = square.Times(1 / (1 - Math.Pow(0.99, update))).sqrt().Plus(1e-8);
            moved.Add(mean / size, -Rate / (1 - Math.Pow(0.9, update)));
        }

        Tensor landed = flow.Sample(moved, None(noise.shape[0])).flatten(1);
        Tensor distance = landed.Minus(Ring.Corners().index_select(0, wanted)).norm(1);
        return distance.IsBelow(Margin).to(float32).mean().item<float>();
    }
}
