using Microsoft.CodeAnalysis;

namespace Millrace.Compiler;

/// <summary>What is refused, each in a sentence.</summary>
internal static class Rules
{
    public static readonly DiagnosticDescriptor Recursion = Rule(
        "MILL001", "A dynamic network calls itself", "Line {0} of '{1}' calls a dynamic network of its own class; write it as a loop, or call it from outside");

    public static readonly DiagnosticDescriptor SideEffect = Rule(
        "MILL002", "A dynamic network has a side effect", "Line {0} of '{1}' changes something beside its local variables ({2}); return it, or mark a field that the next call finds with [Kept]");

    public static readonly DiagnosticDescriptor NoLimit = Rule(
        "MILL003", "A while loop has no limit", "Line {0} of '{1}' is a while loop without a limit; write [DynamicNetwork(MaxIterations = ...)]");

    public static readonly DiagnosticDescriptor HiddenChoice = Rule(
        "MILL004", "A choice hides in an expression", "Line {0} of '{1}' chooses within an expression ('{2}'); write it as an if, or as torch.where for every element");

    public static readonly DiagnosticDescriptor Randomness = Rule(
        "MILL005", "Randomness without a generator", "Line {0} of '{1}' draws random numbers ('{2}') without a generator; give it one, or take the numbers as an argument");

    public static readonly DiagnosticDescriptor NotRewritten = Rule(
        "MILL006", "A statement is not rewritten", "Line {0} of '{1}' is {2}; a dynamic network is made of assignments to local variables, if, while, for from 0 upwards, break and return");

    public static readonly DiagnosticDescriptor Signature = Rule(
        "MILL007", "Not a method that can be a dynamic network", "'{1}' on line {0} {2}");

    public static readonly DiagnosticDescriptor VariableType = Rule(
        "MILL008", "A variable is neither a tensor nor a number", "Line {0} of '{1}' passes '{2}' on to another part; between parts there are tensors, int, long, float, double and bool alone");

    private static DiagnosticDescriptor Rule(string id, string title, string message) => new(id, title, message, "Millrace.Compiler", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
