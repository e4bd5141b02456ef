namespace Millrace.Solvers;

/// <summary>Which solver of the DPM family.</summary>
public sealed record DpmOptions
{
    internal const int FewSteps = 15;

    /// <summary>Estimates that a step uses, 1..3.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Of which estimates.</summary>
    public DpmEstimate Estimate { get; init; } = DpmEstimate.Sample;

    /// <summary>How their differences are weighed.</summary>
    public DpmCorrection Correction { get; init; } = DpmCorrection.Midpoint;

    /// <summary>Whether the reverse stochastic equation is solved, which adds fresh noise in every step.</summary>
    public bool Stochastic { get; init; }

    /// <summary>Whether the last steps are of lower order, where there are fewer than 15.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Whether the last step is always of order 1; where it ends at sigma 0, it is so in any case.</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where the order is outside its range.</exception>
    public DpmOptions Validated() => Order is >= 1 and <= 3
        ? this
        : throw new ArgumentOutOfRangeException(nameof(Order), $"Order must be in 1..3, got {Order}.");
}
