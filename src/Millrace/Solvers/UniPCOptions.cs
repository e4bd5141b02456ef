namespace Millrace.Solvers;

/// <summary>Which solver of the UniPC family.</summary>
public sealed record UniPCOptions
{
    private const int MostOrder = 9;

    /// <summary>Estimates that the predictor uses, 1..9; beyond 3 only useful without guidance.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Of which estimates.</summary>
    public DpmEstimate Estimate { get; init; } = DpmEstimate.Sample;

    /// <summary>B(h).</summary>
    public UniPCBasis Basis { get; init; } = UniPCBasis.Exponential;

    /// <summary>Whether the last steps are of lower order.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Steps, counted from 0, whose arrival is not corrected: with strong guidance the first ones are better so.</summary>
    public IReadOnlyList<int> UncorrectedSteps { get; init; } = [];

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where the order is outside its range.</exception>
    public UniPCOptions Validated() => Order is >= 1 and <= MostOrder
        ? this
        : throw new ArgumentOutOfRangeException(nameof(Order), $"Order must be in 1..{MostOrder}, got {Order}.");
}
