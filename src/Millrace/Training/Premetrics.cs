using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>The premetrics that need no network.</summary>
public static class Premetrics
{
    private const double ReleasedShare = 0.00054;

    /// <summary>Mean over the elements of |p - q|^2.</summary>
    public static Tensor SquaredError(Tensor found, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        return found.Minus(wanted).Squared().flatten(1).mean([1]).MoveToOuterDisposeScope();
    }

    /// <summary>(sqrt(|p - q|^2 + c^2) - c) / d, with the square summed over the d elements of a row and c = share d: its gradient is at most 1 / d.</summary>
    /// <remarks>Lee et al. 2024, arXiv 2405.20320, section 4.2; Song and Dhariwal 2023, arXiv 2310.14189, section 3.3.</remarks>
    /// <param name="share">c / d, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the share is not above 0.</exception>
    public static Premetric PseudoHuber(double share = ReleasedShare)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(share);
        return (found, wanted) =>
        {
            using var scope = NewDisposeScope();
            Tensor difference = found.Minus(wanted).flatten(1);
            double count = difference.shape[1], c = share * count;
            return difference.Squared().sum([1]).Plus(c * c).sqrt().Plus(-c).Times(1 / count).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Mean over the elements of sqrt((p - q)^2 + c^2) - c.</summary>
    /// <remarks>Wang et al. 2024, arXiv 2410.07303, in its published code.</remarks>
    /// <param name="c">Below it errors count as squares, above as magnitudes; above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where c is not above 0.</exception>
    public static Premetric ElementwisePseudoHuber(double c = 1e-3)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(c);
        return (found, wanted) =>
        {
            using var scope = NewDisposeScope();
            return found.Minus(wanted).Squared().Plus(c * c).sqrt().Plus(-c).flatten(1).mean([1]).MoveToOuterDisposeScope();
        };
    }
}
