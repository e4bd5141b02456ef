using static TorchSharp.torch;

namespace Millrace.Processes;

/// <summary>What every process can do with its coefficients.</summary>
public static class DiffusionProcessExtensions
{
    /// <summary>Coefficients for a batch of timesteps, one for each row, so that one batch may hold many noise levels.</summary>
    /// <param name="process">The process.</param>
    /// <param name="t">[B], any dtype.</param>
    /// <returns>Two tensors [B, 1, 1, 1], float32, on the device of <paramref name="t"/>; the caller's to dispose.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Where a timestep is outside the process's range.</exception>
    public static (Tensor Alpha, Tensor Sigma) Coefficients(this IDiffusionProcess process, Tensor t)
    {
        using Tensor timesteps = t.to(float64).cpu();
        double[] values = timesteps.data<double>().ToArray();
        var alpha = new float[values.Length];
        var sigma = new float[values.Length];
        for (int row = 0; row < values.Length; row++)
        {
            (double a, double s) = process.Coefficients(values[row]);
            (alpha[row], sigma[row]) = ((float)a, (float)s);
        }

        return (tensor(alpha, [values.Length, 1, 1, 1], device: t.device), tensor(sigma, [values.Length, 1, 1, 1], device: t.device));
    }

    /// <summary>The level of a timestep in the network's own coordinates.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where the timestep is outside the process's range.</exception>
    public static NoiseLevel LevelAt(this IDiffusionProcess process, double timestep)
    {
        (double alpha, double sigma) = process.Coefficients(timestep);
        return process is EdmProcess edm ? edm.At(sigma) : new NoiseLevel(timestep, alpha, sigma);
    }

    internal static void CheckTime(this IDiffusionProcess process, double timestep)
    {
        (double first, double last) = process.TimeRange;
        if (!(timestep >= first && timestep <= last))
        {
            throw new ArgumentOutOfRangeException(nameof(timestep), $"A timestep must lie in {first}..{last}, got {timestep}.");
        }
    }
}
