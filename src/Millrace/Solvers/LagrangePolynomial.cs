namespace Millrace.Solvers;

/// <summary>The polynomials that are 1 at one node and 0 at the others.</summary>
internal static class LagrangePolynomial
{
    /// <summary>The coefficients of the polynomial of one node, lowest power first.</summary>
    public static double[] Coefficients(ReadOnlySpan<double> nodes, int node)
    {
        double[] coefficients = [1];
        for (int other = 0; other < nodes.Length; other++)
        {
            if (other != node)
            {
                var product = new double[coefficients.Length + 1];
                for (int power = 0; power < coefficients.Length; power++)
                {
                    product[power] -= coefficients[power] * nodes[other] / (nodes[node] - nodes[other]);
                    product[power + 1] += coefficients[power] / (nodes[node] - nodes[other]);
                }

                coefficients = product;
            }
        }

        return coefficients;
    }

    /// <summary>The integral of the polynomial of one node, from the first node to an end.</summary>
    public static double Integral(IReadOnlyList<double> nodes, int node, double end)
    {
        // Measured from the first node, so that the powers stay small.
        double[] coefficients = Coefficients([.. nodes.Select(value => value - nodes[0])], node);
        return coefficients.Select((coefficient, power) => coefficient * Math.Pow(end - nodes[0], power + 1) / (power + 1)).Sum();
    }
}
