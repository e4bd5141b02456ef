using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Millrace.Compiler;

/// <summary>What a part may not hold: choices, side effects, randomness without a generator, and the dynamic network itself.</summary>
internal sealed class StraightLineCheck(IMethodSymbol method, SemanticModel model)
{
    private static readonly HashSet<string> Random =
        ["rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial", "normal", "dropout", "dropout2d", "alpha_dropout"];

    /// <summary>Checks a statement or an expression.</summary>
    public void Check(SyntaxNode node)
    {
        if (node is ExpressionStatementSyntax { Expression: not (AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax or PrefixUnaryExpressionSyntax) } effect)
        {
            throw new NotRewrittenException(Rules.SideEffect, node, method.Name, $"'{effect.Expression}'");
        }

        foreach (SyntaxNode part in node.DescendantNodesAndSelf())
        {
            switch (part)
            {
                case ConditionalExpressionSyntax or SwitchExpressionSyntax or ConditionalAccessExpressionSyntax or BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression }:
                    throw new NotRewrittenException(Rules.HiddenChoice, part, method.Name, part.ToString());
                case AssignmentExpressionSyntax assignment:
                    Targets(assignment.Left).ToList().ForEach(Target);
                    break;
                case PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PostIncrementExpression or (int)SyntaxKind.PostDecrementExpression } step:
                    Target(step.Operand);
                    break;
                case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PreIncrementExpression or (int)SyntaxKind.PreDecrementExpression } step:
                    Target(step.Operand);
                    break;
                case ArgumentSyntax { RefKindKeyword.RawKind: not 0 } argument:
                    throw new NotRewrittenException(Rules.SideEffect, part, method.Name, $"'{argument}'");
                case AnonymousFunctionExpressionSyntax:
                    throw new NotRewrittenException(Rules.NotRewritten, part, method.Name, "a lambda");
                case InvocationExpressionSyntax call:
                    Call(call);
                    break;
            }
        }
    }

    /// <summary>Whether something draws from a generator.</summary>
    public bool Draws(IEnumerable<SyntaxNode> nodes) => nodes.SelectMany(node => node.DescendantNodesAndSelf().OfType<InvocationExpressionSyntax>()).Any(HasGenerator);

    private void Call(InvocationExpressionSyntax call)
    {
        if (model.GetSymbolInfo(call).Symbol is not IMethodSymbol called)
        {
            return;
        }

        if (SymbolEqualityComparer.Default.Equals(called.OriginalDefinition, method.OriginalDefinition)
            || (SymbolEqualityComparer.Default.Equals(called.ContainingType.OriginalDefinition, method.ContainingType.OriginalDefinition) && Source.Has(called, "DynamicNetworkAttribute")))
        {
            throw new NotRewrittenException(Rules.Recursion, call, method.Name);
        }

        if (called.Name.EndsWith("_", System.StringComparison.Ordinal) && Source.IsTensor(called.ContainingType))
        {
            throw new NotRewrittenException(Rules.SideEffect, call, method.Name, $"'{called.Name}' writes into its tensor");
        }

        if (Random.Contains(called.Name) && called.ContainingType.ToDisplayString().StartsWith("TorchSharp.torch", System.StringComparison.Ordinal) && !HasGenerator(call))
        {
            throw new NotRewrittenException(Rules.Randomness, call, method.Name, called.Name);
        }
    }

    private bool HasGenerator(InvocationExpressionSyntax call) => call.ArgumentList.Arguments.Any(argument =>
        model.GetTypeInfo(argument.Expression).Type?.ToDisplayString() is "TorchSharp.torch.Generator" or "Millrace.Training.SeededRandom");

    private static IEnumerable<ExpressionSyntax> Targets(ExpressionSyntax left) =>
        left is TupleExpressionSyntax tuple ? tuple.Arguments.SelectMany(argument => Targets(argument.Expression)) : [left];

    private void Target(ExpressionSyntax target)
    {
        bool allowed = target is DeclarationExpressionSyntax || model.GetSymbolInfo(target).Symbol switch
        {
            ILocalSymbol => true,
            IParameterSymbol parameter => parameter.RefKind == RefKind.None,
            IDiscardSymbol => true,
            IFieldSymbol field => Source.Has(field, "KeptAttribute"),
            _ => false,
        };
        if (!allowed)
        {
            throw new NotRewrittenException(Rules.SideEffect, target, method.Name, $"'{target}'");
        }
    }
}
