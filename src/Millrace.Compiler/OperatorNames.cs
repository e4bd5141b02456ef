using Microsoft.CodeAnalysis.CSharp;

namespace Millrace.Compiler;

/// <summary>What operators and functions of C# are called in libtorch.</summary>
internal static class OperatorNames
{
    public static readonly Dictionary<SyntaxKind, string> Binary = new()
    {
        [SyntaxKind.AddExpression] = "add",
        [SyntaxKind.SubtractExpression] = "sub",
        [SyntaxKind.MultiplyExpression] = "mul",
        [SyntaxKind.DivideExpression] = "div",
        [SyntaxKind.GreaterThanExpression] = "gt",
        [SyntaxKind.GreaterThanOrEqualExpression] = "ge",
        [SyntaxKind.LessThanExpression] = "lt",
        [SyntaxKind.LessThanOrEqualExpression] = "le",
    };

    public static readonly Dictionary<SyntaxKind, string> Compound = new()
    {
        [SyntaxKind.AddAssignmentExpression] = "add",
        [SyntaxKind.SubtractAssignmentExpression] = "sub",
        [SyntaxKind.MultiplyAssignmentExpression] = "mul",
        [SyntaxKind.DivideAssignmentExpression] = "div",
    };

    /// <summary>Methods of this project's arithmetic.</summary>
    public static readonly Dictionary<string, string> Arithmetic = new()
    {
        ["Plus"] = "add",
        ["Minus"] = "sub",
        ["Times"] = "mul",
        ["Clamped"] = "clamp",
        ["AtLeast"] = "clamp_min",
        ["AtMost"] = "clamp_max",
        ["IsBelow"] = "lt",
        ["IsEqualTo"] = "eq",
    };

    /// <summary>Functions and methods of TorchSharp, whose arguments come in libtorch's order.</summary>
    public static readonly Dictionary<string, string> Functions = new[]
    {
        "add", "sub", "mul", "div", "neg", "gt", "ge", "lt", "le", "eq", "ne", "logical_and", "logical_not", "relu", "silu", "sigmoid", "tanh", "exp", "log", "sqrt", "abs", "sin", "cos",
        "minimum", "maximum", "where", "softmax", "sum", "mean", "amax", "amin", "argmax", "max", "min", "linear", "matmul", "conv2d", "cat", "flatten", "reshape", "permute", "unsqueeze",
        "squeeze", "pixel_shuffle", "narrow", "select", "index_select",
    }.ToDictionary(name => name, name => name);

    static OperatorNames() => Functions["view"] = "reshape";
}
