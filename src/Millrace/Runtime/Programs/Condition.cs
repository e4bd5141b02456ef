namespace Millrace.Runtime.Programs;

/// <summary>What an If or a While asks: a static function that gives a number or a tensor of one element (one a row in a batch).</summary>
/// <param name="Block">The function; null where <paramref name="Inputs"/> is the answer itself: one variable or one number.</param>
/// <param name="Inputs">What the function reads.</param>
public sealed record Condition(Block? Block, IReadOnlyList<Operand> Inputs)
{
    /// <summary>Known beforehand.</summary>
    public static Condition Known(bool truth) => new(null, [truth ? 1 : 0]);

    /// <summary>A variable.</summary>
    public static Condition Variable(string name) => new(null, [name]);
}
