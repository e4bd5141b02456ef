using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Recipes.Worlds;

/// <summary>Samplers of variance-preserving models by the number of steps.</summary>
internal static class DiffusionSampling
{
    /// <summary>Linear betas as Rectified Diffusion's code has them, 1000 steps: enough signal is left at the last for one step to start from.</summary>
    public static VariancePreservingProcess Process { get; } = new(BetaSchedule.Linear, 0.00085, 0.012);

    /// <summary>Trailing timesteps: the last one first, T - 1, T - 1 - T / N, ...</summary>
    public static IReadOnlyList<NoiseInterval> Steps(int count) => NoiseInterval.Between(
        [.. TimestepGrids.Spaced(TimestepSpacing.Trailing, count, Process.TrainTimesteps).Select(timestep => Process.LevelAt(timestep)), new NoiseLevel(0, 1, 0)]);

    /// <summary>Deterministic DDIM.</summary>
    public static Sampler Ddim(IDenoiser denoiser, int steps) => new(denoiser, new DdimSolver(Steps(steps)));
}
