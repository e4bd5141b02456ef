namespace Millrace.Processes;

/// <summary>
/// The forward process x_t = Alpha(t) x_0 + Sigma(t) e, with e standard normal. t grows with the noise.
/// Immutable: one instance serves many streams at once.
/// </summary>
public interface IDiffusionProcess
{
    /// <summary>Number of training timesteps T.</summary>
    int TrainTimesteps { get; }

    /// <summary>The least and the most noise: the times between which the process is defined.</summary>
    (double First, double Last) TimeRange { get; }

    /// <summary>Coefficients (alpha, sigma) at one time, in double precision.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where <paramref name="timestep"/> is outside <see cref="TimeRange"/>.</exception>
    (double Alpha, double Sigma) Coefficients(double timestep);
}
