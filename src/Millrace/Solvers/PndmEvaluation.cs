using Millrace.Processes;

namespace Millrace.Solvers;

/// <summary>One evaluation of a pseudo numerical method, and the transfer that follows it.</summary>
/// <param name="At">Where the network is asked.</param>
/// <param name="From">Where the transfer starts.</param>
/// <param name="To">Where it ends.</param>
/// <param name="Kind">How the output is combined with others.</param>
public readonly record struct PndmEvaluation(NoiseLevel At, NoiseLevel From, NoiseLevel To, PndmEvaluationKind Kind)
{
    private const int RungeKuttaSteps = 3;

    /// <summary>PLMS alone: the second evaluation repeats the first step.</summary>
    /// <param name="timesteps">Evenly spaced, from the noise down.</param>
    /// <param name="width">Timesteps between two of them.</param>
    /// <param name="levelAt">The level of a timestep; below 0, the end.</param>
    public static IReadOnlyList<PndmEvaluation> Multistep(IReadOnlyList<int> timesteps, int width, Func<int, NoiseLevel> levelAt)
    {
        PndmEvaluation[] steps = [.. timesteps.Select(timestep => Step(timestep, width, levelAt))];
        if (steps.Length < 2)
        {
            return steps;
        }

        (int first, int second) = (timesteps[1] + width, timesteps[1]);
        return [steps[0], new PndmEvaluation(levelAt(second), levelAt(first), levelAt(second), PndmEvaluationKind.Repeated), .. steps[1..]];
    }

    /// <summary>PNDM: the first three steps are of Runge and Kutta.</summary>
    /// <inheritdoc cref="Multistep" path="/param"/>
    /// <exception cref="ArgumentException">Where there are fewer than four timesteps.</exception>
    public static IReadOnlyList<PndmEvaluation> RungeKuttaFirst(IReadOnlyList<int> timesteps, int width, Func<int, NoiseLevel> levelAt)
    {
        if (timesteps.Count <= RungeKuttaSteps)
        {
            throw new ArgumentException($"PNDM needs at least {RungeKuttaSteps + 1} steps, got {timesteps.Count}.", nameof(timesteps));
        }

        int half = width / 2;
        PndmEvaluation Stage(int start, int at, int to) => new(levelAt(at), levelAt(start), levelAt(to), PndmEvaluationKind.RungeKutta);
        IEnumerable<PndmEvaluation> first = Enumerable.Range(0, RungeKuttaSteps).SelectMany(step =>
        {
            (int start, int end) = (timesteps[step], timesteps[step + 1]);
            int middle = end + half;
            return new[] { Stage(start, start, start - half), Stage(start, middle, middle), Stage(start, middle, middle - half), Stage(start, end, end) };
        });
        return [.. first, .. timesteps.Skip(RungeKuttaSteps).Select(timestep => Step(timestep, width, levelAt))];
    }

    private static PndmEvaluation Step(int timestep, int width, Func<int, NoiseLevel> levelAt) =>
        new(levelAt(timestep), levelAt(timestep), levelAt(timestep - width), PndmEvaluationKind.Multistep);
}
