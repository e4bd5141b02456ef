namespace Millrace.Processes;

/// <summary>The variance-preserving process of DDPM: Alpha = sqrt(abar_t), Sigma = sqrt(1 - abar_t), abar_t the running product of 1 - beta.</summary>
/// <remarks>Ho et al. 2020, arXiv 2006.11239, equation 4. The table is kept in double precision.</remarks>
public sealed class VariancePreservingProcess : IDiffusionProcess
{
    private const double LargestBeta = 0.999;

    // Half precision's smallest number: keeps sigma finite at a last timestep without signal.
    private const double SmallestAlphaBar = 1.0 / (1 << 24);

    private readonly double[] _alphaBar;
    private readonly double[] _logSigma;

    /// <summary>Builds the table of abar_t.</summary>
    /// <param name="schedule">Layout of beta_t.</param>
    /// <param name="betaStart">beta at t = 0, in (0, 1); not used by <see cref="BetaSchedule.Cosine"/> and <see cref="BetaSchedule.Exponential"/>.</param>
    /// <param name="betaEnd">beta at t = T - 1, in (0, 1), at least <paramref name="betaStart"/>; used where <paramref name="betaStart"/> is.</param>
    /// <param name="trainTimesteps">T, at least 2.</param>
    /// <param name="zeroTerminalSnr">Whether sqrt(abar) is shifted and scaled so that nothing of the signal is left at T - 1 (Lin et al. 2023, arXiv 2305.08891, algorithm 1).</param>
    /// <exception cref="ArgumentOutOfRangeException">Where an argument is outside its range.</exception>
    public VariancePreservingProcess(
        BetaSchedule schedule = BetaSchedule.ScaledLinear, double betaStart = 0.00085, double betaEnd = 0.012, int trainTimesteps = 1000, bool zeroTerminalSnr = false)
        : this(Betas(schedule, betaStart, betaEnd, trainTimesteps), zeroTerminalSnr) =>
        (Schedule, BetaStart, BetaEnd) = (schedule, betaStart, betaEnd);

    private VariancePreservingProcess(IReadOnlyList<double> betas, bool zeroTerminalSnr)
    {
        ZeroTerminalSnr = zeroTerminalSnr;
        _alphaBar = new double[betas.Count];
        double product = 1;
        for (int t = 0; t < betas.Count; t++)
        {
            product *= 1 - betas[t];
            _alphaBar[t] = product;
        }

        if (zeroTerminalSnr)
        {
            (double first, double last) = (Math.Sqrt(_alphaBar[0]), Math.Sqrt(_alphaBar[^1]));
            _alphaBar = [.. _alphaBar.Select(alphaBar => Math.Pow((Math.Sqrt(alphaBar) - last) * first / (first - last), 2))];
        }

        _logSigma = [.. Enumerable.Range(0, betas.Count).Select(t => Math.Log(NoiseRatio(t)))];
    }

    /// <summary>The process of Stable Diffusion 1.x and 2.x: scaled linear, 0.00085 to 0.012, 1000 steps.</summary>
    public static VariancePreservingProcess StableDiffusion { get; } = new();

    /// <summary>Layout of beta_t; null where the betas were given one by one.</summary>
    public BetaSchedule? Schedule { get; }

    /// <summary>beta at t = 0, where <see cref="Schedule"/> uses it.</summary>
    public double BetaStart { get; }

    /// <summary>beta at t = T - 1, where <see cref="Schedule"/> uses it.</summary>
    public double BetaEnd { get; }

    /// <summary>Whether nothing of the signal is left at T - 1.</summary>
    public bool ZeroTerminalSnr { get; }

    /// <inheritdoc/>
    public int TrainTimesteps => _alphaBar.Length;

    /// <inheritdoc/>
    public (double First, double Last) TimeRange => (0, TrainTimesteps - 1);

    /// <summary>abar_t for t = 0..T-1.</summary>
    public IReadOnlyList<double> AlphaBar => _alphaBar;

    /// <summary>A process of betas given one by one.</summary>
    /// <param name="betas">beta_t, each in (0, 1), at least two.</param>
    /// <param name="zeroTerminalSnr">As for the constructor.</param>
    /// <exception cref="ArgumentException">Where there are fewer than two, or one is out of range; names the first.</exception>
    public static VariancePreservingProcess OfBetas(IReadOnlyList<double> betas, bool zeroTerminalSnr = false)
    {
        if (betas.Count < 2 || betas.Any(beta => !(beta is > 0 and < 1)))
        {
            throw new ArgumentException(
                $"There must be at least two betas, each in (0, 1), got {betas.Count}, the first out of range {betas.FirstOrDefault(beta => !(beta is > 0 and < 1))}.", nameof(betas));
        }

        return new VariancePreservingProcess(betas, zeroTerminalSnr);
    }

    /// <inheritdoc/>
    /// <remarks>Between two timesteps abar is interpolated linearly.</remarks>
    public (double Alpha, double Sigma) Coefficients(double timestep)
    {
        double alphaBar = Interpolate(timestep, t => _alphaBar[t]);
        return (Math.Sqrt(alphaBar), Math.Sqrt(1 - alphaBar));
    }

    /// <summary>sigma / alpha at a timestep, finite also where nothing of the signal is left.</summary>
    /// <remarks>Between two timesteps it is interpolated linearly.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">Where <paramref name="timestep"/> is outside 0..T-1.</exception>
    public double NoiseRatio(double timestep) => Interpolate(timestep, t =>
    {
        double alphaBar = _alphaBar[t] > 0 ? _alphaBar[t] : SmallestAlphaBar;
        return Math.Sqrt((1 - alphaBar) / alphaBar);
    });

    /// <summary>The timestep at which sigma / alpha has a value, interpolated linearly in its logarithm; the nearest end where it lies outside.</summary>
    /// <param name="noiseRatio">At least 0.</param>
    public double TimestepOf(double noiseRatio)
    {
        double log = Math.Log(noiseRatio);
        int found = Array.BinarySearch(_logSigma, log), above = found < 0 ? ~found : found;
        return above == 0 ? 0
            : above == TrainTimesteps ? TrainTimesteps - 1
            : above - 1 + ((log - _logSigma[above - 1]) / (_logSigma[above] - _logSigma[above - 1]));
    }

    private double Interpolate(double timestep, Func<int, double> at)
    {
        this.CheckTime(timestep);
        int below = (int)timestep;
        return double.Lerp(at(below), at(Math.Min(below + 1, TrainTimesteps - 1)), timestep - below);
    }

    private static double[] Betas(BetaSchedule schedule, double betaStart, double betaEnd, int trainTimesteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trainTimesteps, 2);
        return betaStart is > 0 and < 1 && betaEnd < 1 && betaEnd >= betaStart
            ? [.. Enumerable.Range(0, trainTimesteps).Select(t => Beta(schedule, betaStart, betaEnd, t, trainTimesteps))]
            : throw new ArgumentOutOfRangeException(nameof(betaStart), $"beta must satisfy 0 < start <= end < 1, got {betaStart} and {betaEnd}.");
    }

    private static double Beta(BetaSchedule schedule, double start, double end, int t, int count)
    {
        double position = (double)t / (count - 1);
        return schedule switch
        {
            BetaSchedule.Linear => double.Lerp(start, end, position),
            BetaSchedule.ScaledLinear => Math.Pow(double.Lerp(Math.Sqrt(start), Math.Sqrt(end), position), 2),
            BetaSchedule.Cosine => Math.Min(LargestBeta, 1 - (CosineAlphaBar(t + 1, count) / CosineAlphaBar(t, count))),
            BetaSchedule.Exponential => Math.Min(LargestBeta, 1 - Math.Exp(-12.0 / count)),
            BetaSchedule.Sigmoid => double.Lerp(start, end, 1 / (1 + Math.Exp(6 - (12 * position)))),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), $"Unknown schedule {schedule}."),
        };
    }

    private static double CosineAlphaBar(int t, int count) => Math.Pow(Math.Cos((((double)t / count) + 0.008) / 1.008 * Math.PI / 2), 2);
}
