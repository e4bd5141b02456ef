using System.Globalization;

namespace Millrace.Evaluation;

/// <summary>The mean of a few independent measurements, with its interval of confidence.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Low">Lower end of the 95 % interval; the mean itself for one measurement.</param>
/// <param name="High">Upper end.</param>
public sealed record MeanEstimate(double Mean, double Low, double High)
{
    // Student's t at 97.5 %, by degrees of freedom from 1.
    private static readonly double[] Quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

    private const double Normal = 1.96;

    /// <summary>Student's interval.</summary>
    /// <remarks>Student 1908, doi 10.1093/biomet/6.1.1: mean plus or minus t s / sqrt(n).</remarks>
    /// <param name="values">At least one.</param>
    /// <exception cref="ArgumentException">Where there is none.</exception>
    public static MeanEstimate Of(params IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
        {
            throw new ArgumentException("A mean needs at least one value, got none.", nameof(values));
        }

        double mean = values.Average();
        if (values.Count == 1)
        {
            return new MeanEstimate(mean, mean, mean);
        }

        double deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        double half = (values.Count - 2 < Quantiles.Length ? Quantiles[values.Count - 2] : Normal) * deviation / Math.Sqrt(values.Count);
        return new MeanEstimate(mean, mean - half, mean + half);
    }

    /// <summary>A share with Wilson's interval.</summary>
    public static MeanEstimate Of(Proportion share) => new(share.Value, share.Interval.Low, share.Interval.High);

    /// <summary>Mean and interval, with three significant digits.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Mean:G3} ({Low:G3} to {High:G3})");
}
