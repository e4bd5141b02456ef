using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Recipes.Worlds;

/// <summary>Samplers of flows by the number of steps.</summary>
internal static class FlowSampling
{
    /// <summary>The plain process: t is 1000 times the share of noise.</summary>
    public static FlowProcess Process { get; } = new();

    /// <summary>Levels at 1, (N - 1) / N, ..., 0.</summary>
    public static IReadOnlyList<NoiseInterval> Steps(int count) =>
        NoiseInterval.Between([.. Enumerable.Range(0, count + 1).Select(step => SigmaPath.Of(Process).At(1 - ((double)step / count)))]);

    /// <summary>Euler's method.</summary>
    public static Sampler Euler(IDenoiser denoiser, int steps) => new(denoiser, new DdimSolver(Steps(steps)));

    /// <summary>Heun's method: two evaluations a step, one for the last.</summary>
    public static Sampler Heun(IDenoiser denoiser, int steps) => new(denoiser, new HeunSolver(SigmaPath.Of(Process), Steps(steps)));

    /// <summary>The samples that noise becomes; the caller's to dispose.</summary>
    public static Tensor Follow(this Sampler sampler, Tensor noise, Tensor? classes = null)
    {
        using var conditioning = new Conditioning(empty([noise.shape[0], 0, 0])) { ClassLabels = classes?.alias() };
        return sampler.Sample(noise, conditioning, _ => throw new InvalidOperationException("This sampler adds no noise."));
    }
}
