using Microsoft.CodeAnalysis;

namespace Millrace.Compiler;

/// <summary>A method breaks a rule.</summary>
internal sealed class NotRewrittenException(DiagnosticDescriptor rule, SyntaxNode at, string method, string what = "")
    : Exception(rule.Id)
{
    public Diagnostic Diagnostic { get; } = Diagnostic.Create(rule, at.GetLocation(), Compiler.Source.Line(at), method, what);
}
