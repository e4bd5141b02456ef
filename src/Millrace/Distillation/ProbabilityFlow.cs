using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>
/// The deterministic reverse process of a noise-predicting model as a differential equation dy/ds = slope(y, s), in one of two
/// coordinates: those in which the linear drift is gone, where few steps are accurate, or plain time.
/// </summary>
/// <remarks>
/// Song et al. 2021, arXiv 2011.13456, equation 13. Without the drift: s = sigma / alpha and y = x / alpha give dy/ds = e (Pan et al.
/// 2023, arXiv 2307.10711, equation 9, up to a constant). In time: dx/dt = (alpha' / alpha) x + (sigma' - sigma alpha' / alpha) e.
/// </remarks>
public sealed class ProbabilityFlow
{
    private const double Width = 0.5; // of the central difference, in timesteps

    private readonly IDenoiser _denoiser;
    private readonly Func<double, NoiseLevel> _level;
    private readonly Func<NoiseLevel, double, (double OfX, double OfNoise)> _drift;

    private ProbabilityFlow(
        IDenoiser denoiser, IReadOnlyList<double> grid, double startScale, double endScale, Func<double, NoiseLevel> level, Func<NoiseLevel, double, (double OfX, double OfNoise)> drift)
    {
        if (denoiser.Prediction != PredictionType.Epsilon)
        {
            throw new ArgumentException($"The flow needs a denoiser that predicts the noise, got one that predicts {denoiser.Prediction}.", nameof(denoiser));
        }

        (_denoiser, Grid, StartScale, EndScale, _level, _drift) = (denoiser, grid, startScale, endScale, level, drift);
    }

    /// <summary>Values of s from the noise to the data, strictly monotone.</summary>
    public IReadOnlyList<double> Grid { get; }

    /// <summary>y at the start over x there.</summary>
    public double StartScale { get; }

    /// <summary>x at the end over y there.</summary>
    public double EndScale { get; }

    /// <summary>Without the linear drift: s = sigma / alpha, uniform in the logarithm of the signal-to-noise ratio.</summary>
    /// <param name="denoiser">Predicts the noise; used, not owned.</param>
    /// <param name="process">Its process.</param>
    /// <param name="steps">Steps, at least 1.</param>
    /// <param name="first">Timestep of the end, above 0 or as clean as the process gets.</param>
    /// <param name="last">Timestep of the start.</param>
    public static ProbabilityFlow WithoutDrift(IDenoiser denoiser, VariancePreservingProcess process, int steps, double first, double last)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        (double from, double to) = (Math.Log(process.NoiseRatio(last)), Math.Log(process.NoiseRatio(first)));
        double[] grid = [.. Enumerable.Range(0, steps + 1).Select(step => Math.Exp(double.Lerp(from, to, (double)step / steps)))];
        var path = Processes.SigmaPath.Of(process);
        return new ProbabilityFlow(
            denoiser, grid, 1 / process.Coefficients(last).Alpha, process.Coefficients(first).Alpha, path.At, (_, _) => (0, 1));
    }

    /// <summary>In plain time, uniform.</summary>
    /// <inheritdoc cref="WithoutDrift" path="/param"/>
    public static ProbabilityFlow InTime(IDenoiser denoiser, VariancePreservingProcess process, int steps, double first, double last)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        double[] grid = [.. Enumerable.Range(0, steps + 1).Select(step => double.Lerp(last, first, (double)step / steps))];
        return new ProbabilityFlow(denoiser, grid, 1, 1, process.LevelAt, (level, t) =>
        {
            (double low, double high) = (Math.Max(0, t - Width), Math.Min(process.TimeRange.Last, t + Width));
            (double alphaLow, double sigmaLow) = process.Coefficients(low);
            (double alphaHigh, double sigmaHigh) = process.Coefficients(high);
            double drift = (alphaHigh - alphaLow) / (high - low) / level.Alpha;
            return (drift, ((sigmaHigh - sigmaLow) / (high - low)) - (level.Sigma * drift));
        });
    }

    /// <summary>dy/ds, under autograd.</summary>
    /// <param name="y">[B, C, H, W].</param>
    /// <param name="s">Where.</param>
    /// <param name="conditioning">One row for each row of <paramref name="y"/>.</param>
    /// <returns>[B, C, H, W]; the caller's to dispose.</returns>
    public Tensor Slope(Tensor y, double s, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        NoiseLevel level = _level(s);
        (double ofX, double ofNoise) = _drift(level, s);
        Tensor noise = _denoiser.Predict(level.InputScale == 1 ? y : y.Times(level.InputScale), TensorArithmetic.Filled(level.Timestep, y.device, y.shape[0]), conditioning);
        Tensor slope = ofNoise == 1 ? noise : noise.Times(ofNoise);
        return (ofX == 0 ? slope : slope.Plus(y.Times(ofX))).MoveToOuterDisposeScope();
    }
}
