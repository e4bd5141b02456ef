namespace Millrace.Processes;

/// <summary>The beta distribution, as far as the spacing of sigmas needs it.</summary>
internal static class BetaDistribution
{
    private const int Intervals = 2000;
    private const int Halvings = 60;

    /// <summary>The x below which a share of the distribution lies.</summary>
    public static double Quantile(double share, double a, double b)
    {
        double half = Math.PI / 4, total = Rising(half, a, b) + Rising(half, b, a), low = 0, high = Math.PI / 2;
        for (int halving = 0; halving < Halvings; halving++)
        {
            double middle = (low + high) / 2;
            (low, high) = Weight(middle, a, b) / total < share ? (middle, high) : (low, middle);
        }

        return share <= 0 ? 0 : share >= 1 ? 1 : Math.Pow(Math.Sin(high), 2);
    }

    /// <summary>
    /// The integral of x^(a-1) (1-x)^(b-1) up to x = sin^2(angle). With x = sin^2, then angle = u^p near both ends, the
    /// integrand has no pole, so that the midpoint rule is enough.
    /// </summary>
    private static double Weight(double angle, double a, double b)
    {
        double half = Math.PI / 4;
        return angle <= half ? Rising(angle, a, b) : Rising(half, a, b) + Rising(half, b, a) - Rising((Math.PI / 2) - angle, b, a);
    }

    private static double Rising(double angle, double a, double b)
    {
        double power = 1 / (2 * a), end = Math.Pow(angle, 1 / power), sum = 0;
        for (int interval = 0; interval < Intervals; interval++)
        {
            double u = end * (interval + 0.5) / Intervals, theta = Math.Pow(u, power);
            sum += Math.Pow(Math.Sin(theta) / theta, (2 * a) - 1) * Math.Pow(Math.Cos(theta), (2 * b) - 1);
        }

        return sum * end / Intervals / a;
    }
}
