using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Millrace.Compiler;

/// <summary>
/// Rewrites methods marked with [DynamicNetwork] into parts without branches and writes the host that joins them (DyCL, arXiv
/// 2307.04963; the rules of what is rewritten are ours).
/// </summary>
[Generator]
public sealed class DynamicNetworkGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<Rewriting> rewritings = context.SyntaxProvider.ForAttributeWithMetadataName(
            $"{Source.Programs}.DynamicNetworkAttribute", static (node, _) => node is MethodDeclarationSyntax, static (method, cancellation) => Rewrite(method, cancellation));
        context.RegisterSourceOutput(rewritings, static (output, rewriting) =>
        {
            if (rewriting.Diagnostic is not null)
            {
                output.ReportDiagnostic(rewriting.Diagnostic);
            }
            else
            {
                output.AddSource(rewriting.File, rewriting.Text);
            }
        });
    }

    private static Rewriting Rewrite(GeneratorAttributeSyntaxContext context, CancellationToken cancellation)
    {
        var method = (MethodDeclarationSyntax)context.TargetNode;
        var symbol = (IMethodSymbol)context.TargetSymbol;
        string file = $"{symbol.ContainingType.Name}.{symbol.Name}.g.cs";
        try
        {
            CheckSignature(method, symbol);
            cancellation.ThrowIfCancellationRequested();
            int maxIterations = context.Attributes[0].NamedArguments.FirstOrDefault(argument => argument.Key == "MaxIterations").Value.Value is int rounds ? rounds : 0;
            return new Rewriting(file, new HostWriter(method, symbol, new ProgramReader(method, symbol, context.SemanticModel, maxIterations)).Write(), null);
        }
        catch (NotRewrittenException error)
        {
            return new Rewriting(file, "", error.Diagnostic);
        }
    }

    private static void CheckSignature(MethodDeclarationSyntax method, IMethodSymbol symbol)
    {
        string? wrong = method.Body is null ? "has no body of statements"
            : symbol.ContainingType.ContainingType is not null ? "is in a class within another"
            : method.Parent is not ClassDeclarationSyntax type || !type.Modifiers.Any(SyntaxKind.PartialKeyword) ? "is in a class that is not partial"
            : symbol.IsAsync || symbol.IsGenericMethod ? "is async or generic"
            : symbol.Parameters.Any(parameter => parameter.RefKind != RefKind.None) ? "takes an argument by reference"
            : null;
        if (wrong is not null)
        {
            throw new NotRewrittenException(Rules.Signature, method, symbol.Name, wrong);
        }
    }

    private sealed class Rewriting(string file, string text, Diagnostic? diagnostic)
    {
        public string File { get; } = file;

        public string Text { get; } = text;

        public Diagnostic? Diagnostic { get; } = diagnostic;
    }
}
