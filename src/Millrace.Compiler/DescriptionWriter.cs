using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Millrace.Compiler;

/// <summary>Writes C# over tensors as C# that builds a graph of operators: statement for statement, with the same local variables.</summary>
internal sealed class DescriptionWriter(SemanticModel model, IReadOnlyList<Variable> inputs)
{
    /// <summary>Variables that are values of the graph, although numbers.</summary>
    private readonly HashSet<ISymbol> _reals = new(inputs.Where(input => input.IsReal).Select(input => input.Symbol), SymbolEqualityComparer.Default);

    /// <summary>A statement.</summary>
    /// <exception cref="NotDescribedException">Where there are no operators for it.</exception>
    public string Statement(StatementSyntax statement) => statement switch
    {
        LocalDeclarationStatementSyntax { Declaration: { Variables.Count: 1 } declaration } => Declaration(declaration),
        ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { Left: IdentifierNameSyntax target } assignment } => Assignment(target, assignment),
        _ => throw new NotDescribedException($"line {Source.Line(statement)}, '{statement}'"),
    };

    /// <summary>An expression.</summary>
    /// <exception cref="NotDescribedException">Where there are no operators for it.</exception>
    public string Expression(ExpressionSyntax expression)
    {
        if (!Source.IsTensor(model.GetTypeInfo(expression).Type))
        {
            return Constant(expression);
        }

        return expression switch
        {
            ParenthesizedExpressionSyntax inner => Expression(inner.Expression),
            PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.SuppressNullableWarningExpression } sure => Expression(sure.Operand),
            PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } negative => Apply("neg", Expression(negative.Operand)),
            BinaryExpressionSyntax binary when OperatorNames.Binary.TryGetValue(binary.Kind(), out string? name) => Apply(name, Expression(binary.Left), Expression(binary.Right)),
            InvocationExpressionSyntax call => Call(call),
            IdentifierNameSyntax or MemberAccessExpressionSyntax or ElementAccessExpressionSyntax when !HoldsTensorVariable(expression) => expression.ToString(),
            IdentifierNameSyntax name => name.Identifier.Text,
            _ => throw NotDescribed(expression),
        };
    }

    private string Declaration(VariableDeclarationSyntax declaration)
    {
        VariableDeclaratorSyntax variable = declaration.Variables[0];
        bool isTensor = Source.IsTensor(model.GetTypeInfo(declaration.Type).Type);
        string type = isTensor ? "GraphArgument" : declaration.Type.ToString();
        return variable.Initializer is null ? $"{type} {variable.Identifier.Text};" : $"{type} {variable.Identifier.Text} = {Expression(variable.Initializer.Value)};";
    }

    private string Assignment(IdentifierNameSyntax target, AssignmentExpressionSyntax assignment)
    {
        if (!Source.IsTensor(model.GetTypeInfo(target).Type))
        {
            throw NotDescribed(assignment);
        }

        string value = Expression(assignment.Right);
        return assignment.Kind() == SyntaxKind.SimpleAssignmentExpression
            ? $"{target} = {value};"
            : OperatorNames.Compound.TryGetValue(assignment.Kind(), out string? name) ? $"{target} = {Apply(name, target.ToString(), value)};" : throw NotDescribed(assignment);
    }

    private string Call(InvocationExpressionSyntax call)
    {
        if (model.GetSymbolInfo(call).Symbol is not IMethodSymbol method)
        {
            throw NotDescribed(call);
        }

        ExpressionSyntax? receiver = (call.Expression as MemberAccessExpressionSyntax)?.Expression;
        if (receiver is not null && method.Name is "call" or "forward" && Source.IsModule(model.GetTypeInfo(receiver!).Type) && !HoldsTensorVariable(receiver!))
        {
            return $"graph.Call({string.Join(", ", new[] { receiver!.ToString() }.Concat(call.ArgumentList.Arguments.Select(argument => Expression(argument.Expression))))})";
        }

        string home = method.ContainingType.ToDisplayString();
        List<string> arguments = Arguments(call, method);
        if (receiver is not null && (method.ReducedFrom is not null || !method.IsStatic))
        {
            arguments.Insert(0, Expression(receiver));
        }

        return home switch
        {
            "Millrace.TensorArithmetic" => Arithmetic(call, method.Name, arguments),
            "TorchSharp.torch.Tensor" or "TorchSharp.torch" or "TorchSharp.torch.nn.functional" when OperatorNames.Functions.TryGetValue(method.Name, out string? name) => Apply(name, [.. arguments]),
            _ => throw NotDescribed(call),
        };
    }

    private static string Arithmetic(InvocationExpressionSyntax call, string name, List<string> arguments) => name switch
    {
        "Squared" => Apply("mul", arguments[0], arguments[0]),
        "TakenFrom" => Apply("add", Apply("neg", arguments[0]), arguments[1]),
        _ => OperatorNames.Arithmetic.TryGetValue(name, out string? operation) ? Apply(operation, [.. arguments]) : throw NotDescribed(call),
    };

    /// <summary>The arguments in the order of the parameters, as far as they are given.</summary>
    private List<string> Arguments(InvocationExpressionSyntax call, IMethodSymbol method)
    {
        var given = new Dictionary<string, List<ExpressionSyntax>>();
        foreach ((ArgumentSyntax argument, int index) in call.ArgumentList.Arguments.Select((argument, index) => (argument, index)))
        {
            IParameterSymbol parameter = argument.NameColon is { } name
                ? method.Parameters.First(one => one.Name == name.Name.Identifier.Text)
                : method.Parameters[System.Math.Min(index, method.Parameters.Length - 1)];
            if (!given.TryGetValue(parameter.Name, out List<ExpressionSyntax>? list))
            {
                given[parameter.Name] = list = [];
            }

            list.Add(argument.Expression);
        }

        var arguments = new List<string>();
        int last = method.Parameters.Length - 1;
        while (last >= 0 && !given.ContainsKey(method.Parameters[last].Name))
        {
            last--;
        }

        foreach (IParameterSymbol parameter in method.Parameters.Take(last + 1))
        {
            arguments.Add(given.TryGetValue(parameter.Name, out List<ExpressionSyntax>? values) ? Argument(parameter, values, call) : throw NotDescribed(call));
        }

        return arguments;
    }

    private string Argument(IParameterSymbol parameter, List<ExpressionSyntax> values, InvocationExpressionSyntax call)
    {
        bool isList = parameter.Type is IArrayTypeSymbol || parameter.Type.ToDisplayString().StartsWith("System.Collections.Generic.I", System.StringComparison.Ordinal);
        if (!isList && parameter.Type.OriginalDefinition.ToDisplayString() != "System.ReadOnlySpan<T>")
        {
            return Expression(values[0]);
        }

        IEnumerable<ExpressionSyntax> elements = values.Count > 1 || model.GetTypeInfo(values[0]).Type is { } type && (Source.IsNumber(type) || Source.IsTensor(type)) ? values : Elements(values[0], call);
        ExpressionSyntax[] all = [.. elements];
        return all.Any(element => Source.IsTensor(model.GetTypeInfo(element).Type))
            ? $"GraphArgument.List({string.Join(", ", all.Select(Expression))})"
            : $"new long[] {{ {string.Join(", ", all.Select(Constant))} }}";
    }

    private static IEnumerable<ExpressionSyntax> Elements(ExpressionSyntax list, InvocationExpressionSyntax call) => list switch
    {
        CollectionExpressionSyntax collection when collection.Elements.All(element => element is ExpressionElementSyntax) => collection.Elements.Select(element => ((ExpressionElementSyntax)element).Expression),
        ArrayCreationExpressionSyntax { Initializer: { } values } => values.Expressions,
        ImplicitArrayCreationExpressionSyntax values => values.Initializer.Expressions,
        _ => throw NotDescribed(call),
    };

    /// <summary>A number that is known when the graph is made, or a real one that the host passes.</summary>
    private string Constant(ExpressionSyntax expression)
    {
        if (expression is IdentifierNameSyntax)
        {
            return expression.ToString();
        }

        ITypeSymbol? type = model.GetTypeInfo(expression).Type;
        bool computes = expression.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().Any(name => model.GetSymbolInfo(name).Symbol is { } symbol && _reals.Contains(symbol));
        return computes || HoldsTensorVariable(expression) || !Source.IsNumber(type) ? throw NotDescribed(expression) : expression.ToString();
    }

    private bool HoldsTensorVariable(ExpressionSyntax expression) => expression.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>().Any(name => model.GetSymbolInfo(name).Symbol switch
    {
        ILocalSymbol local => Source.IsTensor(local.Type),
        IParameterSymbol parameter => Source.IsTensor(parameter.Type),
        IFieldSymbol field => Source.Has(field, "KeptAttribute"),
        _ => false,
    });

    private static string Apply(string name, params string[] arguments) => $"graph.Apply({string.Join(", ", new[] { $"\"{name}\"" }.Concat(arguments))})";

    private static NotDescribedException NotDescribed(SyntaxNode node) => new($"line {Source.Line(node)}, '{node}'");
}
