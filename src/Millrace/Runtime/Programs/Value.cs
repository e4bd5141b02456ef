using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>What a variable of a program holds: a tensor, or a number that the host knows (real, or whole; truth is 0 or 1).</summary>
public readonly struct Value
{
    private readonly Tensor? _tensor;
    private readonly double _number;

    private Value(ValueKind kind, Tensor? tensor, double number) => (Kind, _tensor, _number) = (kind, tensor, number);

    /// <summary>What it is; unset where nothing was stored.</summary>
    public ValueKind Kind { get; }

    /// <summary>The tensor.</summary>
    /// <exception cref="InvalidOperationException">Where it is none.</exception>
    public Tensor Tensor => _tensor ?? throw new InvalidOperationException($"A tensor is wanted, and this is {this}.");

    /// <summary>The number, real or whole.</summary>
    /// <exception cref="InvalidOperationException">Where it is none.</exception>
    public double Real => Kind is ValueKind.Real or ValueKind.Whole ? _number : throw new InvalidOperationException($"A number is wanted, and this is {this}.");

    /// <summary>The whole number; up to 2^53.</summary>
    /// <exception cref="InvalidOperationException">Where it is none.</exception>
    public long Whole => Kind == ValueKind.Whole ? (long)_number : throw new InvalidOperationException($"A whole number is wanted, and this is {this}.");

    /// <summary>Whether the number is not 0.</summary>
    /// <exception cref="InvalidOperationException">Where it is none.</exception>
    public bool Truth => Real != 0;

    /// <summary>A tensor, which stays the caller's.</summary>
    public static implicit operator Value(Tensor tensor) => new(ValueKind.Tensor, tensor, 0);

    /// <summary>A real number.</summary>
    public static implicit operator Value(double number) => new(ValueKind.Real, null, number);

    /// <summary>A whole number.</summary>
    public static implicit operator Value(long number) => new(ValueKind.Whole, null, number);

    /// <summary>A whole number.</summary>
    public static implicit operator Value(int number) => new(ValueKind.Whole, null, number);

    /// <summary>A truth value, 0 or 1.</summary>
    public static implicit operator Value(bool truth) => new(ValueKind.Whole, null, truth ? 1 : 0);

    /// <summary>Whether it is the same number, of the same kind.</summary>
    public bool IsSameNumber(Value other) => Kind == other.Kind && Kind is ValueKind.Real or ValueKind.Whole && _number.Equals(other._number);

    /// <summary>Whether it is a tensor with axes, of which the first is the rows.</summary>
    internal bool HasRows => Kind == ValueKind.Tensor && _tensor!.dim() > 0;

    /// <summary>Whether it is the same object or number.</summary>
    internal bool IsSame(Value other) => Kind == ValueKind.Tensor ? ReferenceEquals(_tensor, other._tensor) : IsSameNumber(other);

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        ValueKind.Tensor => $"a tensor [{string.Join(", ", _tensor!.shape)}]",
        ValueKind.Unset => "unset",
        _ => _number.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
