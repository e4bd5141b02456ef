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
/// sample: Scale = (sigma' / sigma) e^(h-H), c_0 = alpha' (1 - e^-H), c_1 = alpha' ((e^-H - 1) / H + 1), c_2 = alpha' (1/2 - (e^-H - 1 + H) / H^2), s = sigma' sqrt(1 - e^-H);
/// noise: Scale = alpha' / alpha, c_0 = -w sigma' (e^h - 1), c_1 = -w sigma' ((e^h - 1) / h - 1), c_2 = -w sigma' ((e^h - 1 - h) / h^2 - 1/2), w = H / h, s = sigma' sqrt(e^2h - 1).
/// </remarks>
internal readonly record struct ExponentialStep(double Scale, double C0, double C1, double C2, double Noise)
{
    public static ExponentialStep Between(NoiseLevel from, NoiseLevel to, DpmEstimate estimate, bool stochastic)
    {
        double h = to.LogSnr - from.LogSnr;
        return estimate == DpmEstimate.Sample ? OfSample(from, to, h, stochastic) : OfNoise(from, to, h, stochastic);
    }

    private static ExponentialStep OfSample(NoiseLevel from, NoiseLevel to, double h, bool stochastic)
    {
        if (to.Sigma == 0)
        {
            return new ExponentialStep(0, to.Alpha, 0, 0, 0);
        }

        double width = stochastic ? 2 * h : h, decay = Math.Exp(-width) - 1;
        return new ExponentialStep(
            to.Sigma / from.Sigma * Math.Exp(h - width), -to.Alpha * decay, to.Alpha * ((decay / width) + 1),
            to.Alpha * (0.5 - ((decay + width) / (width * width))), stochastic ? to.Sigma * Math.Sqrt(-decay) : 0);
    }

    private static ExponentialStep OfNoise(NoiseLevel from, NoiseLevel to, double h, bool stochastic)
    {
        if (to.Sigma == 0)
        {
            // The limit of sigma' (e^h - 1) where sigma' falls to 0.
            return new ExponentialStep(to.Alpha / from.Alpha, -to.Alpha * from.NoiseRatio, 0, 0, 0);
        }

        double weight = -to.Sigma * (stochastic ? 2 : 1), growth = Math.Exp(h) - 1;
        return new ExponentialStep(
            to.Alpha / from.Alpha, weight * growth, weight * ((growth / h) - 1), weight * (((growth - h) / (h * h)) - 0.5),
            stochastic ? to.Sigma * Math.Sqrt(Math.Exp(2 * h) - 1) : 0);
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
}
