using static TorchSharp.torch;

namespace Millrace.Processes;

/// <summary>
/// The forward process x_t = Alpha(t) x_0 + Sigma(t) e, with e standard normal. t grows with the noise and is given per row,
/// so one batch may hold many noise levels. Immutable: one instance serves many streams at once.
/// </summary>
public interface IDiffusionProcess
{
    /// <summary>Number of training timesteps T; valid timesteps are 0..T-1.</summary>
    int TrainTimesteps { get; }

    /// <summary>Coefficients (alpha, sigma) at one timestep, in double precision.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where <paramref name="timestep"/> is outside 0..T-1.</exception>
    (double Alpha, double Sigma) Coefficients(double timestep);

    /// <summary>Coefficients for a batch of timesteps.</summary>
    /// <param name="t">[B], any dtype.</param>
    /// <returns>Two tensors [B, 1, 1, 1], float32, on the device of <paramref name="t"/>; the caller's to dispose.</returns>
    (Tensor Alpha, Tensor Sigma) Coefficients(Tensor t);
}
