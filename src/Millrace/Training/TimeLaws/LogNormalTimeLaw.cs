using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Training.TimeLaws;

/// <summary>ln(sigma) is normal: the law of EDM, for its process alone.</summary>
/// <remarks>Karras et al. 2022, arXiv 2206.00364, table 1: P_mean = -1.2, P_std = 1.2 for images of unit range.</remarks>
public sealed record LogNormalTimeLaw : TimeLaw
{
    private readonly EdmProcess _process;

    /// <summary>Chooses the law.</summary>
    /// <param name="process">Whose sigma is drawn; what falls out of its range is moved to the end.</param>
    /// <param name="mean">P_mean.</param>
    /// <param name="deviation">P_std, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where the deviation is not above 0.</exception>
    public LogNormalTimeLaw(EdmProcess process, double mean = -1.2, double deviation = 1.2)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(deviation);
        (_process, Mean, Deviation) = (process, mean, deviation);
    }

    /// <summary>P_mean.</summary>
    public double Mean { get; }

    /// <summary>P_std.</summary>
    public double Deviation { get; }

    /// <inheritdoc/>
    public override Tensor Draw(long count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor sigma = random.Normal(count).Times(Deviation).Plus(Mean).exp();
        (double first, double last) = _process.TimeRange;
        return sigma.Plus(-first).Times(1 / (last - first)).Clamped(0, 1).MoveToOuterDisposeScope();
    }
}
