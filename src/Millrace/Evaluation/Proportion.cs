using System.Globalization;

namespace Millrace.Evaluation;

/// <summary>How often something held, with its interval of confidence.</summary>
/// <param name="Successes">How often it held.</param>
/// <param name="Trials">How often it was tried, above 0.</param>
public sealed record Proportion(int Successes, int Trials)
{
    private const double Deviations = 1.959964; // of a normal distribution, 95 %

    /// <summary>The share, in [0, 1].</summary>
    public double Value => (double)Successes / Trials;

    /// <summary>The 95 % interval.</summary>
    /// <remarks>Wilson 1927, doi 10.1080/01621459.1927.10502953.</remarks>
    public (double Low, double High) Interval
    {
        get
        {
            double square = Deviations * Deviations / Trials;
            double centre = (Value + (square / 2)) / (1 + square);
            double half = Deviations / (1 + square) * Math.Sqrt((Value * (1 - Value) / Trials) + (square / (4 * Trials)));
            return (centre - half, centre + half);
        }
    }

    /// <summary>Share and interval in per cent.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{100 * Value:F1} % ({Successes} of {Trials}; 95 % interval {100 * Interval.Low:F1} to {100 * Interval.High:F1} %)");
}
