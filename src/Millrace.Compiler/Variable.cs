using Microsoft.CodeAnalysis;

namespace Millrace.Compiler;

/// <summary>A variable that goes from part to part.</summary>
/// <param name="symbol">What it is in the source: a local variable, a parameter, or a kept field.</param>
/// <param name="type">Its type.</param>
/// <param name="name">Its name in the program, where two variables of the source may not share one.</param>
internal sealed class Variable(ISymbol symbol, ITypeSymbol type, string name)
{
    public ISymbol Symbol { get; } = symbol;

    public string Name { get; } = name;

    /// <summary>Its name in C#.</summary>
    public string Local => Symbol.Name;

    public bool IsTensor { get; } = Source.IsTensor(type);

    public bool IsReal { get; } = Source.IsReal(type);

    /// <summary>Its type in C#.</summary>
    public string Type { get; } = Source.IsTensor(type) ? "Tensor" : type.ToDisplayString();

    /// <summary>Takes it out of a value.</summary>
    public string Unwrap(string value) => Type switch
    {
        "Tensor" => $"{value}.Tensor",
        "double" => $"{value}.Real",
        "float" => $"(float){value}.Real",
        "bool" => $"{value}.Truth",
        "int" => $"(int){value}.Whole",
        _ => $"{value}.Whole",
    };

    /// <summary>Takes it out of an argument of a graph: whole numbers are known when the graph is made.</summary>
    public string UnwrapArgument(string argument) => IsTensor || IsReal ? argument : Type switch
    {
        "bool" => $"{argument}.Whole != 0",
        "int" => $"(int){argument}.Whole",
        _ => $"{argument}.Whole",
    };
}
