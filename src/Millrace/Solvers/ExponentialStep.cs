using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>
/// One step of an exponential integrator between two levels, exact where the network's estimate m is a polynomial in
/// lambda = ln(alpha / sigma): x' = Scale x + c_0 m + c_1 D_1 + c_2 D_2 + s z, with m(v) = m + v D_1 + v^2 / 2 D_2 and v running
/// from 0 to 1 over the step.
/// </summary>
/// <remarks>
/// Lu et al. 2022, arXiv 2206.00927, equation 3.7 (estimate of the noise) and arXiv 2211.01095, equation 9 (of the sample), section
/// 3.4 and appendix A for the stochastic forms. With h = lambda' - lambda, and H = 2h for stochastic steps, else h:
/// sample: Scale = (sigma' / sigma) e^(h-H), c_k = alpha' H phi_(k+1)(-H), s = sigma' sqrt(1 - e^-H);
/// noise: Scale = alpha' / alpha, c_k = -sigma' H phi_(k+1)(h), s = sigma' sqrt(e^2h - 1).
/// </remarks>
internal readonly record struct ExponentialStep(double Scale, double C0, double C1, double C2, double Noise)
{
    public static ExponentialStep Between(NoiseLevel from, NoiseLevel to, DpmEstimate estimate, bool stochastic)
    {
        double h = to.LogSnr - from.LogSnr, width = stochastic ? 2 * h : h;
        if (estimate == DpmEstimate.Sample)
        {
            return to.Sigma == 0
                ? new ExponentialStep(0, to.Alpha, 0, 0, 0)
                : Weighted(to.Sigma / from.Sigma * Math.Exp(h - width), to.Alpha * width, -width, stochastic ? to.Sigma * Math.Sqrt(width * PhiFunction.Of(1, -width)) : 0);
        }

        // The limit of sigma' (e^h - 1) where sigma' falls to 0 is alpha' sigma / alpha.
        return to.Sigma == 0
            ? new ExponentialStep(to.Alpha / from.Alpha, -to.Alpha * from.NoiseRatio, 0, 0, 0)
            : Weighted(to.Alpha / from.Alpha, -to.Sigma * width, h, stochastic ? to.Sigma * Math.Sqrt(2 * h * PhiFunction.Of(1, 2 * h)) : 0);
    }

    /// <summary>The step.</summary>
    /// <param name="x">x at its start.</param>
    /// <param name="terms">Weights of estimates.</param>
    /// <param name="noise">Where z comes from.</param>
    public Tensor Apply(Tensor x, IEnumerable<(double Weight, Tensor Estimate)> terms, NoiseSource noise)
    {
        Tensor mean = LinearCombination.Of([(Scale, x), .. terms]);
        return Noise > 0 ? LinearCombination.Of((1, mean), (Noise, noise(mean))) : mean;
    }

    private static ExponentialStep Weighted(double scale, double weight, double z, double noise) =>
        new(scale, weight * PhiFunction.Of(1, z), weight * PhiFunction.Of(2, z), weight * PhiFunction.Of(3, z), noise);
}
