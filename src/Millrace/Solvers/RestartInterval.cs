namespace Millrace.Solvers;

/// <summary>A stretch of sigmas that a restarting sample goes through again (Xu et al. 2023, arXiv 2306.14878, section 3).</summary>
/// <param name="SigmaMin">From here a sample goes back up, above 0.</param>
/// <param name="SigmaMax">To here, above <paramref name="SigmaMin"/>.</param>
/// <param name="Times">How often, at least 1.</param>
/// <param name="Steps">Steps on the way down again, at least 1.</param>
public sealed record RestartInterval(double SigmaMin, double SigmaMax, int Times = 1, int Steps = 4)
{
    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where they are not.</exception>
    public RestartInterval Validated() => SigmaMin > 0 && SigmaMax > SigmaMin && Times >= 1 && Steps >= 1
        ? this
        : throw new ArgumentOutOfRangeException(
            nameof(SigmaMin), $"A restart must satisfy 0 < SigmaMin < SigmaMax, Times >= 1 and Steps >= 1, got {SigmaMin}, {SigmaMax}, {Times} and {Steps}.");
}
