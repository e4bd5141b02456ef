namespace Millrace.Solvers;

/// <summary>The timestep grid of latent consistency models, and the timesteps that a list of its indices names.</summary>
/// <remarks>
/// Luo et al. 2023, arXiv 2310.04378, section 4.3: k-1, 2k-1, ..., T-1 with k = T / 50, walked from the noise down. Index 0 is
/// the strongest change, the last index the most faithful to the input.
/// </remarks>
public static class LcmTimesteps
{
    private const int OriginalSteps = 50;

    /// <summary>The grid, from the noise down.</summary>
    /// <param name="inferenceSteps">Number of indices, 1..<paramref name="originalSteps"/>; fewer pick evenly among them.</param>
    /// <param name="trainTimesteps">T of the process, at least <paramref name="originalSteps"/>.</param>
    /// <param name="originalSteps">Steps of the teacher in distillation: k = T / originalSteps.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public static IReadOnlyList<int> Grid(int inferenceSteps = OriginalSteps, int trainTimesteps = 1000, int originalSteps = OriginalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(originalSteps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, originalSteps);
        if (inferenceSteps < 1 || inferenceSteps > originalSteps)
        {
            throw new ArgumentOutOfRangeException(nameof(inferenceSteps), $"The number of inference steps must be in 1..{originalSteps}, got {inferenceSteps}.");
        }

        int spacing = trainTimesteps / originalSteps;
        return [.. Enumerable.Range(0, inferenceSteps).Select(index => ((originalSteps - (int)((long)index * originalSteps / inferenceSteps)) * spacing) - 1)];
    }

    /// <summary>The timesteps of a list of indices.</summary>
    /// <param name="steps">Strictly ascending indices into the grid; at least one.</param>
    /// <param name="inferenceSteps">Number of indices in the grid.</param>
    /// <param name="trainTimesteps">T of the process.</param>
    /// <exception cref="ArgumentException">Where the list is empty, not strictly ascending, or out of range.</exception>
    public static IReadOnlyList<int> Select(IReadOnlyList<int> steps, int inferenceSteps = OriginalSteps, int trainTimesteps = 1000)
    {
        IReadOnlyList<int> grid = Grid(inferenceSteps, trainTimesteps);
        return CheckSteps(steps, inferenceSteps) is { } problem
            ? throw new ArgumentException(problem, nameof(steps))
            : [.. steps.Select(step => grid[step])];
    }

    /// <summary>What is wrong with a list of indices, in one sentence; null where nothing is.</summary>
    public static string? CheckSteps(IReadOnlyList<int> steps, int inferenceSteps = OriginalSteps)
    {
        bool fits = steps.Count > 0 && steps.All(step => step >= 0 && step < inferenceSteps) && steps.Zip(steps.Skip(1)).All(pair => pair.First < pair.Second);
        return fits ? null : $"Steps must be strictly ascending indices in 0..{inferenceSteps - 1}, at least one; got [{string.Join(", ", steps)}].";
    }
}
