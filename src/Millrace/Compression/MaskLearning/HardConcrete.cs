using static TorchSharp.torch;

namespace Millrace.Compression.MaskLearning;

/// <summary>A random gate in [0, 1] that is 0 or 1 with positive probability and has a gradient in between: the stretched concrete distribution.</summary>
/// <remarks>
/// Louizos et al. 2017, arXiv 1712.01312, as Zhang et al. 2024, arXiv 2412.02852, use it: s = sigmoid((ln u - ln(1 - u) + lambda) / beta),
/// m = clip(s (eta - gamma) + gamma, 0, 1). An epsilon inside both logarithms damps the noise.
/// </remarks>
public sealed record HardConcrete
{
    /// <summary>beta, above 0: the smaller, the closer to 0 and 1.</summary>
    public double Temperature { get; init; } = 0.83;

    /// <summary>eta, above 1.</summary>
    public double Upper { get; init; } = 1.1;

    /// <summary>gamma, below 0.</summary>
    public double Lower { get; init; } = -0.1;

    /// <summary>Added inside both logarithms; at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        static void Require(bool holds, string name, double value, string allowed)
        {
            if (!holds)
            {
                throw new ArgumentOutOfRangeException(name, value, $"{name} must be {allowed}.");
            }
        }

        Require(Temperature > 0, nameof(Temperature), Temperature, "above 0");
        Require(Upper > 1, nameof(Upper), Upper, "above 1");
        Require(Lower < 0, nameof(Lower), Lower, "below 0");
        Require(Epsilon >= 0, nameof(Epsilon), Epsilon, "at least 0");
    }

    /// <summary>Gates, under autograd of <paramref name="logits"/>.</summary>
    /// <param name="logits">lambda, any shape.</param>
    /// <param name="uniform">u in [0, 1), the same shape.</param>
    /// <returns>m; the caller's to dispose.</returns>
    public Tensor Gate(Tensor logits, Tensor uniform)
    {
        using var scope = NewDisposeScope();
        Tensor noise = uniform.Plus(Epsilon).log().Minus(uniform.TakenFrom(1).Plus(Epsilon).log());
        return sigmoid(noise.Plus(logits).Times(1 / Temperature)).Times(Upper - Lower).Plus(Lower).Clamped(0, 1).MoveToOuterDisposeScope();
    }

    /// <summary>P(m = 0) = sigmoid(beta ln(-gamma / eta) - lambda), for epsilon to 0.</summary>
    public double ClosedProbability(double logit) => Sigmoid((Temperature * Math.Log(-Lower / Upper)) - logit);

    /// <summary>P(m > 0), the expectation that an L0 penalty counts.</summary>
    public double OpenProbability(double logit) => 1 - ClosedProbability(logit);

    private static double Sigmoid(double value) => 1 / (1 + Math.Exp(-value));
}
