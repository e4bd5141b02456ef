using static TorchSharp.torch;

namespace Millrace.Processes;

/// <summary>The variance-preserving process of DDPM: Alpha = sqrt(abar_t), Sigma = sqrt(1 - abar_t), abar_t the running product of 1 - beta.</summary>
/// <remarks>Ho et al. 2020, arXiv 2006.11239, equation 4. The table is kept in double precision.</remarks>
public sealed class VariancePreservingProcess : IDiffusionProcess
{
    private readonly double[] _alphaBar;

    /// <summary>Builds the table of abar_t.</summary>
    /// <param name="schedule">Layout of beta_t.</param>
    /// <param name="betaStart">beta at t = 0, in (0, 1); not used by <see cref="BetaSchedule.Cosine"/>.</param>
    /// <param name="betaEnd">beta at t = T - 1, in (0, 1), at least <paramref name="betaStart"/>; not used by <see cref="BetaSchedule.Cosine"/>.</param>
    /// <param name="trainTimesteps">T, at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public VariancePreservingProcess(
        BetaSchedule schedule = BetaSchedule.ScaledLinear, double betaStart = 0.00085, double betaEnd = 0.012, int trainTimesteps = 1000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, 2);
        if (!(betaStart is > 0 and < 1 && betaEnd < 1 && betaEnd >= betaStart))
        {
            throw new ArgumentOutOfRangeException(nameof(betaStart), $"beta must satisfy 0 < start <= end < 1, got {betaStart} and {betaEnd}.");
        }

        (Schedule, BetaStart, BetaEnd) = (schedule, betaStart, betaEnd);
        _alphaBar = new double[trainTimesteps];
        double product = 1;
        for (int t = 0; t < trainTimesteps; t++)
        {
            product *= 1 - Beta(schedule, betaStart, betaEnd, t, trainTimesteps);
            _alphaBar[t] = product;
        }
    }

    /// <summary>The process of Stable Diffusion 1.x and 2.x: scaled linear, 0.00085 to 0.012, 1000 steps.</summary>
    public static VariancePreservingProcess StableDiffusion { get; } = new();

    /// <summary>Layout of beta_t.</summary>
    public BetaSchedule Schedule { get; }

    /// <summary>beta at t = 0; not used by <see cref="BetaSchedule.Cosine"/>.</summary>
    public double BetaStart { get; }

    /// <summary>beta at t = T - 1; not used by <see cref="BetaSchedule.Cosine"/>.</summary>
    public double BetaEnd { get; }

    /// <inheritdoc/>
    public int TrainTimesteps => _alphaBar.Length;

    /// <summary>abar_t for t = 0..T-1.</summary>
    public IReadOnlyList<double> AlphaBar => _alphaBar;

    /// <inheritdoc/>
    /// <remarks>Between two timesteps abar is interpolated linearly.</remarks>
    public (double Alpha, double Sigma) Coefficients(double timestep)
    {
        if (!(timestep >= 0 && timestep <= TrainTimesteps - 1))
        {
            throw new ArgumentOutOfRangeException(nameof(timestep), $"A timestep must lie in 0..{TrainTimesteps - 1}, got {timestep}.");
        }

        int below = (int)timestep;
        int above = Math.Min(below + 1, TrainTimesteps - 1);
        double alphaBar = double.Lerp(_alphaBar[below], _alphaBar[above], timestep - below);
        return (Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar));
    }

    /// <inheritdoc/>
    public (Tensor Alpha, Tensor Sigma) Coefficients(Tensor t)
    {
        using Tensor timesteps = t.to(float64).cpu();
        double[] values = timesteps.data<double>().ToArray();
        var alpha = new float[values.Length];
        var sigma = new float[values.Length];
        for (int row = 0; row < values.Length; row++)
        {
            (double a, double s) = Coefficients(values[row]);
            (alpha[row], sigma[row]) = ((float)a, (float)s);
        }

        return (tensor(alpha, [values.Length, 1, 1, 1], device: t.device), tensor(sigma, [values.Length, 1, 1, 1], device: t.device));
    }

    private static double Beta(BetaSchedule schedule, double start, double end, int t, int count)
    {
        double position = (double)t / (count - 1);
        return schedule switch
        {
            BetaSchedule.Linear => double.Lerp(start, end, position),
            BetaSchedule.ScaledLinear => Math.Pow(double.Lerp(Math.Sqrt(start), Math.Sqrt(end), position), 2),
            BetaSchedule.Cosine => Math.Min(0.999, 1 - (CosineAlphaBar(t + 1, count) / CosineAlphaBar(t, count))),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), $"Unknown schedule {schedule}."),
        };
    }

    private static double CosineAlphaBar(int t, int count) => Math.Pow(Math.Cos((((double)t / count) + 0.008) / 1.008 * Math.PI / 2), 2);
}
