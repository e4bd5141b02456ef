namespace Millrace.Solvers;

/// <summary>The functions of exponential integrators, phi_k(z) = sum_n z^n / (n + k)!: phi_0 = e^z, phi_(k+1) = (phi_k - 1 / k!) / z.</summary>
/// <remarks>Hochbruck and Ostermann 2010, Exponential integrators, section 2.1.</remarks>
internal static class PhiFunction
{
    private const int Terms = 20;

    public static double Of(int k, double z)
    {
        if (Math.Abs(z) >= 1)
        {
            double phi = Math.Exp(z), factorial = 1;
            for (int order = 0; order < k; order++)
            {
                phi = (phi - (1 / factorial)) / z;
                factorial *= order + 1;
            }

            return phi;
        }

        // The recursion loses all its digits near 0.
        double term = 1, sum = 0;
        for (int factor = 2; factor <= k; factor++)
        {
            term /= factor;
        }

        for (int n = 0; n < Terms; n++)
        {
            sum += term;
            term *= z / (n + k + 1);
        }

        return sum;
    }
}
