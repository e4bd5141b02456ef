using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>An interval of confidence for any metric of two sets, by drawing the sets again from themselves.</summary>
/// <remarks>Efron 1979, doi 10.1214/aos/1176344552; the percentile interval, moved so that it is centred on what was measured: distances of resampled sets are biased upwards.</remarks>
public static class Bootstrap
{
    private const double Tail = 0.025;

    /// <summary>Measures, with a 95 % interval.</summary>
    /// <param name="first">[N, ...]; a row is a sample.</param>
    /// <param name="second">[M, ...].</param>
    /// <param name="metric">The two sets to a number.</param>
    /// <param name="resamples">How often both are drawn again, at least 20.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where there are too few resamples.</exception>
    public static MeanEstimate Of(Tensor first, Tensor second, Func<Tensor, Tensor, double> metric, int resamples = 100, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 20);
        using var generator = new Generator((ulong)seed);
        double measured = metric(first, second);
        var values = new double[resamples];
        for (int index = 0; index < resamples; index++)
        {
            using var scope = NewDisposeScope();
            Tensor Again(Tensor set) => set.index_select(0, randint(0, set.shape[0], [set.shape[0]], dtype: int64, generator: generator));
            values[index] = metric(Again(first), Again(second));
        }

        Array.Sort(values);
        double middle = values[resamples / 2];
        return new MeanEstimate(measured, measured + values[(int)(Tail * resamples)] - middle, measured + values[(int)((1 - Tail) * resamples)] - middle);
    }
}
