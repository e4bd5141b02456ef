namespace Millrace.Runtime.Programs;

/// <summary>What a step of a part reads.</summary>
/// <param name="Variable">The variable; -1 for a number.</param>
/// <param name="Constant">The number.</param>
public readonly record struct PartOperand(int Variable, Value Constant)
{
    /// <summary>Whether it is the number that was known when the part was made.</summary>
    public bool IsConstant => Variable < 0;

    internal bool IsSame(PartOperand other) => Variable == other.Variable && (Variable >= 0 || Constant.IsSameNumber(other.Constant));
}
