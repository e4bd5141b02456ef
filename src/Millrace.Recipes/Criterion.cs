namespace Millrace.Recipes;

/// <summary>One part of a claim: a figure of a run that must not be above, or not below, a bound.</summary>
/// <param name="Text">In words.</param>
/// <param name="Bound">The bound.</param>
/// <param name="Value">The figure.</param>
public sealed record Criterion(string Text, double Bound, Func<Findings, double> Value)
{
    /// <summary>Whether the figure must be at least the bound; else at most.</summary>
    public bool AtLeast { get; init; }

    /// <summary>Whether a figure satisfies it.</summary>
    public bool Holds(double value) => AtLeast ? value >= Bound : value <= Bound;
}
