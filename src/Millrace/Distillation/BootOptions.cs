using Millrace.Processes;

namespace Millrace.Distillation;

/// <summary>Times and weights of <see cref="BootObjective"/>.</summary>
public sealed record BootOptions
{
    /// <summary>t_min, in timesteps of the process: where the student is asked for its sample.</summary>
    public double FirstTime { get; init; } = 10;

    /// <summary>t_max: where the trajectory starts.</summary>
    public double LastTime { get; init; } = 990;

    /// <summary>Width of a step, above 0 and below t_max - t_min. A wide one learns sooner and inherits more of DDIM's error.</summary>
    public double Step { get; init; } = 20;

    /// <summary>Weight of the boundary, at least 0.</summary>
    public double BoundaryWeight { get; init; } = 1;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate(IDiffusionProcess process)
    {
        (double first, double last) = process.TimeRange;
        if (!(FirstTime >= first && LastTime > FirstTime && LastTime <= last))
        {
            throw new ArgumentException($"Times must rise within {first}..{last}, got FirstTime {FirstTime} and LastTime {LastTime}.");
        }

        if (!(Step > 0 && Step < LastTime - FirstTime))
        {
            throw new ArgumentException($"Step must be above 0 and below {LastTime - FirstTime}, got {Step}.");
        }

        if (!(BoundaryWeight >= 0))
        {
            throw new ArgumentException($"BoundaryWeight must be at least 0, got {BoundaryWeight}.");
        }
    }
}
