using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Recipes.Worlds;

/// <summary>Samplers of EDM models by the number of steps.</summary>
internal static class EdmSampling
{
    /// <summary>Levels from the process's largest sigma to its smallest, rho 7, and 0.</summary>
    public static IReadOnlyList<NoiseInterval> Steps(EdmProcess process, int count) => Steps(process, count, process.SigmaMax);

    /// <summary>The same from another sigma.</summary>
    public static IReadOnlyList<NoiseInterval> Steps(EdmProcess process, int count, double from)
    {
        var path = SigmaPath.Of(process);
        return NoiseInterval.Between([.. SigmaGrids.Karras(process.SigmaMin, from, count).Where(sigma => sigma > 0).Append(0).Select(path.At)]);
    }

    /// <summary>Heun's method: two evaluations a step, one for the last.</summary>
    public static Sampler Heun(IDenoiser denoiser, EdmProcess process, int steps) => new(denoiser, new HeunSolver(SigmaPath.Of(process), Steps(process, steps)));
}
