using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>An argument of an operator in a <see cref="PartGraph"/>: a value of the graph, a weight, or a constant.</summary>
public sealed class GraphArgument
{
    private readonly double _number;

    private GraphArgument(GraphArgumentKind kind, double number = 0) => (Kind, _number) = (kind, number);

    /// <summary>Left out.</summary>
    public static GraphArgument None { get; } = new(GraphArgumentKind.None);

    /// <summary>What it is.</summary>
    public GraphArgumentKind Kind { get; }

    /// <summary>Number of the value, or of the weight once it is part of a graph.</summary>
    public int Index { get; private init; } = -1;

    /// <summary>Whether a value is a tensor; else it is a real number.</summary>
    public bool IsTensor { get; private init; }

    /// <summary>The weight; null for others.</summary>
    public Tensor? Weight { get; private init; }

    /// <summary>The values of a list.</summary>
    public IReadOnlyList<GraphArgument> Values { get; private init; } = [];

    /// <summary>The numbers of a list.</summary>
    public IReadOnlyList<long> Wholes { get; private init; } = [];

    /// <summary>A real number.</summary>
    public double Real => _number;

    /// <summary>A whole number.</summary>
    /// <exception cref="PartNotCompiledException">Where it is not one that is known when the graph is made.</exception>
    public long Whole => Kind is GraphArgumentKind.Whole or GraphArgumentKind.Truth
        ? (long)_number
        : throw new PartNotCompiledException("a whole number is computed within the part, where it would have to be known before");

    /// <summary>A weight, or left out where null.</summary>
    public static implicit operator GraphArgument(Tensor? weight) => weight is null ? None : new(GraphArgumentKind.Weight) { Weight = weight };

    /// <summary>A real number.</summary>
    public static implicit operator GraphArgument(double number) => new(GraphArgumentKind.Real, number);

    /// <summary>A whole number.</summary>
    public static implicit operator GraphArgument(long number) => new(GraphArgumentKind.Whole, number);

    /// <summary>A whole number.</summary>
    public static implicit operator GraphArgument(int number) => new(GraphArgumentKind.Whole, number);

    /// <summary>A truth value.</summary>
    public static implicit operator GraphArgument(bool truth) => new(GraphArgumentKind.Truth, truth ? 1 : 0);

    /// <summary>Whole numbers.</summary>
    public static implicit operator GraphArgument(long[] numbers) => new(GraphArgumentKind.Wholes) { Wholes = numbers };

    /// <summary>Several values.</summary>
    public static GraphArgument List(params GraphArgument[] values) => new(GraphArgumentKind.Values) { Values = values };

    internal static GraphArgument OfValue(int index, bool isTensor) => new(GraphArgumentKind.Value) { Index = index, IsTensor = isTensor };

    internal GraphArgument At(int index) => new(Kind, _number) { Index = index, Weight = Weight };
}
