using System.Globalization;

namespace Millrace.Runtime.Programs;

/// <summary>What an operation reads: a variable, or a number.</summary>
public sealed record Operand
{
    private Operand(string? name, Value constant) => (Name, Constant) = (name, constant);

    /// <summary>The variable; null for a number.</summary>
    public string? Name { get; }

    /// <summary>The number; unset for a variable.</summary>
    public Value Constant { get; }

    /// <summary>A variable.</summary>
    public static implicit operator Operand(string name) => new(name, default);

    /// <summary>A whole number.</summary>
    public static implicit operator Operand(long number) => new(null, number);

    /// <summary>A number.</summary>
    /// <exception cref="ArgumentException">For a tensor: those are variables.</exception>
    public static Operand Of(Value number) => number.Kind is ValueKind.Real or ValueKind.Whole
        ? new Operand(null, number)
        : throw new ArgumentException($"A constant operand is a number, and this is {number}.", nameof(number));

    /// <inheritdoc/>
    public bool Equals(Operand? other) => other is not null && Name == other.Name && (Name is not null || Constant.IsSameNumber(other.Constant));

    /// <inheritdoc/>
    public override int GetHashCode() => Name is null ? Constant.Real.GetHashCode() : Name.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name ?? Constant.Real.ToString(CultureInfo.InvariantCulture);
}
