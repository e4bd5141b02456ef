namespace Millrace.Solvers;

/// <summary>The equations sum_k x_k node_k^n = b_n, n = 0, 1, ...</summary>
internal static class VandermondeSystem
{
    /// <summary>Solves them: x_k = sum_n b_n c_n with c the coefficients of the polynomial that is 1 at node k and 0 at the others.</summary>
    public static double[] Solve(ReadOnlySpan<double> nodes, ReadOnlySpan<double> right)
    {
        var solution = new double[nodes.Length];
        for (int node = 0; node < nodes.Length; node++)
        {
            double[] coefficients = LagrangePolynomial.Coefficients(nodes, node);
            for (int power = 0; power < coefficients.Length; power++)
            {
                solution[node] += coefficients[power] * right[power];
            }
        }

        return solution;
    }
}
