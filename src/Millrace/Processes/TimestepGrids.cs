namespace Millrace.Processes;

/// <summary>Timesteps for a number of steps, from the noise down.</summary>
public static class TimestepGrids
{
    /// <summary>The timesteps of a spacing.</summary>
    /// <param name="spacing">Which of the training timesteps.</param>
    /// <param name="steps">n, 1..T.</param>
    /// <param name="trainTimesteps">T.</param>
    /// <param name="offset">Added to every timestep of <see cref="TimestepSpacing.Leading"/>.</param>
    /// <returns>n timesteps; those of <see cref="TimestepSpacing.Linspace"/> need not be whole.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Where there are fewer training timesteps than steps.</exception>
    public static IReadOnlyList<double> Spaced(TimestepSpacing spacing, int steps, int trainTimesteps, int offset = 0)
    {
        CheckSteps(steps, trainTimesteps);
        return spacing switch
        {
            TimestepSpacing.Linspace => Linear(trainTimesteps - 1, 0, steps),
            TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Select(index => (double)(((steps - 1 - index) * (trainTimesteps / steps)) + offset))],
            TimestepSpacing.Trailing => Trailing(steps, trainTimesteps, trainTimesteps),
            _ => throw new ArgumentOutOfRangeException(nameof(spacing), $"Unknown spacing {spacing}."),
        };
    }

    /// <summary>The timesteps of a spacing that keeps one more place for the end, as multistep solvers in half the log-SNR use it.</summary>
    /// <param name="spacing">Which of the training timesteps.</param>
    /// <param name="steps">n, at least 1, below T.</param>
    /// <param name="trainTimesteps">T.</param>
    /// <param name="offset">Added to every timestep of <see cref="TimestepSpacing.Leading"/>.</param>
    /// <param name="count">How many training timesteps are used, the noisiest left out; T where all are.</param>
    /// <returns>n whole timesteps.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Where there are fewer training timesteps than steps.</exception>
    public static IReadOnlyList<double> SpacedWithEnd(TimestepSpacing spacing, int steps, int trainTimesteps, int offset, int count)
    {
        CheckSteps(steps, trainTimesteps);
        return spacing switch
        {
            TimestepSpacing.Linspace => [.. Linear(count - 1, 0, steps + 1).Take(steps).Select(timestep => Math.Round(timestep))],
            TimestepSpacing.Leading => [.. Enumerable.Range(0, steps).Select(index => (double)(((steps - index) * (count / (steps + 1))) + offset))],
            TimestepSpacing.Trailing => Trailing(steps, trainTimesteps, count),
            _ => throw new ArgumentOutOfRangeException(nameof(spacing), $"Unknown spacing {spacing}."),
        };
    }

    /// <summary>n numbers evenly from one to another, both included; counted from the last, so that whole timesteps come out whole.</summary>
    internal static IReadOnlyList<double> Linear(double from, double to, int count)
    {
        double width = (from - to) / Math.Max(1, count - 1);
        return [.. Enumerable.Range(0, count).Select(index => index == 0 ? from : to + ((count - 1 - index) * width))];
    }

    internal static void CheckSteps(int steps, int trainTimesteps)
    {
        if (steps < 1 || steps > trainTimesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), $"The number of steps must be in 1..{trainTimesteps}, got {steps}.");
        }
    }

    private static IReadOnlyList<double> Trailing(int steps, int trainTimesteps, int last)
    {
        double ratio = (double)trainTimesteps / steps;
        int count = (int)Math.Ceiling(last / ratio);
        return [.. Enumerable.Range(0, count).Select(index => Math.Round(last - (index * ratio)) - 1)];
    }
}
