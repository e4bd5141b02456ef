using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Millrace.Compiler;

/// <summary>Reads a method: cuts it at every branch into parts, and finds what goes into each part and what comes out.</summary>
internal sealed class ProgramReader
{
    private readonly IMethodSymbol _symbol;
    private readonly SemanticModel _model;
    private readonly int _maxIterations;
    private readonly StraightLineCheck _check;
    private readonly Dictionary<ISymbol, Variable> _variables = new(SymbolEqualityComparer.Default);
    private int _names;

    public ProgramReader(MethodDeclarationSyntax method, IMethodSymbol symbol, SemanticModel model, int maxIterations)
    {
        (_symbol, _model, _maxIterations) = (symbol, model, maxIterations);
        _check = new StraightLineCheck(symbol, model);
        foreach (IParameterSymbol parameter in symbol.Parameters)
        {
            if (!Source.IsTensor(parameter.Type) && !Source.IsNumber(parameter.Type))
            {
                throw new NotRewrittenException(Rules.Signature, method, symbol.Name, $"takes '{parameter.Name}', which is neither a tensor nor a number");
            }

            Inputs.Add(VariableOf(parameter, parameter.Type));
        }

        Body = Read(method.Body!.Statements);
    }

    public List<Variable> Inputs { get; } = [];

    public List<Variable> Kept { get; } = [];

    public List<PartModel> Parts { get; } = [];

    public List<StatementModel> Body { get; }

    private string Name => _symbol.Name;

    private List<StatementModel> Read(IReadOnlyList<StatementSyntax> statements)
    {
        var read = new List<StatementModel>();
        var run = new List<StatementSyntax>();
        void EndRun()
        {
            // Numbers that the host computes stand apart from what is compiled.
            foreach (List<StatementSyntax> same in Runs(run))
            {
                Straight(same, read);
            }

            run.Clear();
        }

        foreach (StatementSyntax statement in statements)
        {
            if (statement is LocalDeclarationStatementSyntax { UsingKeyword.RawKind: 0 } or ExpressionStatementSyntax)
            {
                _check.Check(statement);
                run.Add(statement);
                continue;
            }

            EndRun();
            switch (statement)
            {
                case BlockSyntax block:
                    read.AddRange(Read(block.Statements));
                    break;
                case IfStatementSyntax choice:
                    string asked = Condition(choice.Condition);
                    read.Add(new StatementModel.If(asked, Inner(choice.Statement), choice.Else is null ? [] : Inner(choice.Else.Statement)));
                    break;
                case WhileStatementSyntax loop:
                    read.Add(While(loop));
                    break;
                case ForStatementSyntax loop:
                    For(loop, read);
                    break;
                case BreakStatementSyntax:
                    read.Add(new StatementModel.Leave("new Statement.Break()"));
                    break;
                case ReturnStatementSyntax { Expression: not null } end:
                    Return(end.Expression, read);
                    break;
                case EmptyStatementSyntax:
                    break;
                default:
                    throw new NotRewrittenException(Rules.NotRewritten, statement, Name, $"a {Words(statement)}");
            }
        }

        EndRun();
        return read;
    }

    private List<StatementModel> Inner(StatementSyntax statement) => Read(statement is BlockSyntax block ? block.Statements : [statement]);

    private StatementModel.Loop While(WhileStatementSyntax loop)
    {
        if (_maxIterations <= 0)
        {
            throw new NotRewrittenException(Rules.NoLimit, loop, Name);
        }

        string condition = Condition(loop.Condition);
        return new StatementModel.Loop($"new Statement.While({condition},", $") {{ Limit = {_maxIterations.ToString(CultureInfo.InvariantCulture)} }}", Inner(loop.Statement));
    }

    private void For(ForStatementSyntax loop, List<StatementModel> read)
    {
        bool counts = loop.Declaration?.Variables.Count == 1
            && loop.Declaration.Variables[0].Initializer?.Value is LiteralExpressionSyntax { Token.Value: 0 }
            && loop.Condition is BinaryExpressionSyntax { RawKind: (int)SyntaxKind.LessThanExpression } below
            && below.Left.ToString() == loop.Declaration.Variables[0].Identifier.Text
            && loop.Incrementors.Count == 1
            && loop.Incrementors[0] is PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PostIncrementExpression } or PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PreIncrementExpression };
        var counter = counts ? (ILocalSymbol)_model.GetDeclaredSymbol(loop.Declaration!.Variables[0])! : null;
        ExpressionSyntax? limit = counts ? ((BinaryExpressionSyntax)loop.Condition!).Right : null;
        var written = new HashSet<ISymbol>(_model.AnalyzeDataFlow(loop.Statement)!.WrittenInside, SymbolEqualityComparer.Default);
        if (counter is null || limit is null || written.Contains(counter) || Read(limit).Any(symbol => written.Contains(symbol) || SymbolEqualityComparer.Default.Equals(symbol, counter)))
        {
            throw new NotRewrittenException(Rules.NotRewritten, loop, Name, "a for loop that does not count from 0 by 1 to a number that its body leaves alone");
        }

        _check.Check(limit);
        string count;
        if (IsFixed(limit))
        {
            count = $"Operand.Of({limit})";
        }
        else
        {
            string name = $"count_{++_names}";
            read.Add(new StatementModel.Apply(ExpressionPart([limit], onHost: true, out List<string> inputs), inputs, [name]));
            count = $"\"{name}\"";
        }

        read.Add(new StatementModel.Loop($"new Statement.For(\"{VariableOf(counter, counter.Type).Name}\", {count},", ")", Inner(loop.Statement)));
    }

    private string Condition(ExpressionSyntax condition)
    {
        _check.Check(condition);
        if (IsFixed(condition))
        {
            return $"Condition.Known({condition})";
        }

        ExpressionSyntax asked = Asked(condition);
        if (_model.GetSymbolInfo(asked).Symbol is { } symbol && _variables.TryGetValue(symbol, out Variable? variable))
        {
            return $"Condition.Variable(\"{variable.Name}\")";
        }

        PartModel part = ExpressionPart([asked], onHost: !Source.IsTensor(_model.GetTypeInfo(asked).Type), out List<string> inputs);
        return $"new Condition(part{part.Number}, {Names(inputs)})";
    }

    /// <summary>The tensor whose truth is asked for, else the expression itself.</summary>
    private ExpressionSyntax Asked(ExpressionSyntax condition) => condition switch
    {
        ParenthesizedExpressionSyntax inner => Asked(inner.Expression),
        CastExpressionSyntax cast when Source.IsTensor(_model.GetTypeInfo(cast.Expression).Type) => Bare(cast.Expression),
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "item" or "ToBoolean" } access }
            when Source.IsTensor(_model.GetTypeInfo(access.Expression).Type) => Bare(access.Expression),
        _ => condition,
    };

    private static ExpressionSyntax Bare(ExpressionSyntax expression) => expression is ParenthesizedExpressionSyntax inner ? Bare(inner.Expression) : expression;

    private void Return(ExpressionSyntax expression, List<StatementModel> read)
    {
        _check.Check(expression);
        ExpressionSyntax[] results = expression is TupleExpressionSyntax tuple ? [.. tuple.Arguments.Select(argument => argument.Expression)] : [expression];
        Variable?[] known = [.. results.Select(result => _model.GetSymbolInfo(result).Symbol is { } symbol && _variables.TryGetValue(symbol, out Variable? variable) ? variable : null)];
        if (known.All(variable => variable is not null))
        {
            read.Add(new StatementModel.Leave($"new Statement.Return({Names(known.Select(variable => variable!.Name))})"));
            return;
        }

        if (results.Length == 1 && !Source.IsTensor(_model.GetTypeInfo(expression).Type) && !Source.IsNumber(_model.GetTypeInfo(expression).Type))
        {
            throw new NotRewrittenException(Rules.VariableType, expression, Name, expression.ToString());
        }

        List<string> names = [.. results.Select(_ => $"result_{++_names}")];
        read.Add(new StatementModel.Apply(ExpressionPart(results, onHost: results.All(result => !Source.IsTensor(_model.GetTypeInfo(result).Type)), out List<string> inputs), inputs, names));
        read.Add(new StatementModel.Leave($"new Statement.Return({Names(names)})"));
    }

    /// <summary>Groups of statements in a row that are all of the host, or none.</summary>
    private IEnumerable<List<StatementSyntax>> Runs(List<StatementSyntax> run)
    {
        var same = new List<StatementSyntax>();
        foreach (StatementSyntax statement in run)
        {
            if (same.Count > 0 && IsOfHost(same[0]) != IsOfHost(statement))
            {
                yield return same;
                same = [];
            }

            same.Add(statement);
        }

        if (same.Count > 0)
        {
            yield return same;
        }
    }

    private bool IsOfHost(StatementSyntax statement) => statement switch
    {
        LocalDeclarationStatementSyntax declaration => Source.IsNumber(_model.GetTypeInfo(declaration.Declaration.Type).Type),
        ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } => Source.IsNumber(_model.GetTypeInfo(assignment.Left).Type),
        _ => true, // i++
    };

    private void Straight(List<StatementSyntax> run, List<StatementModel> read)
    {
        DataFlowAnalysis flow = _model.AnalyzeDataFlow(run[0], run[run.Count - 1])!;
        ISymbol[] kept = [.. KeptIn(run)];
        List<Variable> outputs = [.. flow.DataFlowsOut.Select(symbol => Passed(symbol, run[0])), .. kept.Where(symbol => IsWritten(symbol, run)).Select(symbol => Passed(symbol, run[0]))];
        if (outputs.Count == 0)
        {
            return;
        }

        List<Variable> inputs = InputsOf(flow, kept.Where(symbol => IsRead(symbol, run)), run[0]);
        var inside = new HashSet<ISymbol>(flow.VariablesDeclared, SymbolEqualityComparer.Default);
        Variable[] declare = [.. outputs.Where(output => !inside.Contains(output.Symbol) && !inputs.Contains(output))];
        var part = new PartModel
        {
            Title = $"{string.Join(", ", outputs.Select(output => output.Local))} (line {Source.Line(run[0])})",
            Inputs = inputs,
            Results = [.. outputs.Select(output => new PartResult(output.Type, output.Local, output.Local))],
            OnHost = outputs.All(output => !output.IsTensor),
            IsPure = !_check.Draws(run),
            Body = [.. declare.Select(output => $"{output.Type} {output.Local};"), .. run.SelectMany(Lines)],
        };
        Describe(part, writer => [.. declare.Select(output => $"{(output.IsTensor || output.IsReal ? "GraphArgument" : output.Type)} {output.Local};"), .. run.Select(writer.Statement)]);
        read.Add(new StatementModel.Apply(Add(part), [.. inputs.Select(input => input.Name)], [.. outputs.Select(output => output.Name)]));
    }

    private PartModel ExpressionPart(ExpressionSyntax[] results, bool onHost, out List<string> inputs)
    {
        List<Variable> variables = [];
        foreach (ExpressionSyntax result in results)
        {
            variables.AddRange(InputsOf(_model.AnalyzeDataFlow(result)!, KeptIn([result]), result).Where(input => !variables.Contains(input)));
        }

        var part = new PartModel
        {
            Title = $"{string.Join(", ", results.Select(result => result.ToString().Replace("\"", "\\\"")))} (line {Source.Line(results[0])})",
            Inputs = variables,
            OnHost = onHost,
            IsPure = !_check.Draws(results),
        };
        part.Results.AddRange(results.Select(result => new PartResult(
            Source.IsTensor(_model.GetTypeInfo(result).Type) ? "Tensor" : _model.GetTypeInfo(result).Type!.ToDisplayString(), result.ToString(), "")));
        string[] described = [];
        Describe(part, writer =>
        {
            described = [.. results.Select(writer.Expression)];
            return [];
        });
        if (part.Description is not null)
        {
            part.Results = [.. part.Results.Zip(described, (result, description) => new PartResult(result.Type, result.Code, description))];
        }

        inputs = [.. variables.Select(input => input.Name)];
        return Add(part);
    }

    private void Describe(PartModel part, System.Func<DescriptionWriter, List<string>> write)
    {
        if (part.OnHost)
        {
            return;
        }

        try
        {
            part.Description = write(new DescriptionWriter(_model, part.Inputs));
        }
        catch (NotDescribedException error)
        {
            part.NotDescribed = error.Message;
        }
    }

    private PartModel Add(PartModel part)
    {
        if (Parts.FirstOrDefault(known => known.Key == part.Key) is { } same)
        {
            return same;
        }

        part.Number = Parts.Count + 1;
        Parts.Add(part);
        return part;
    }

    private List<Variable> InputsOf(DataFlowAnalysis flow, IEnumerable<ISymbol> kept, SyntaxNode at) =>
        [.. flow.DataFlowsIn.Where(symbol => symbol is not IParameterSymbol { IsThis: true }).Concat(kept).Select(symbol => Passed(symbol, at))];

    private Variable Passed(ISymbol symbol, SyntaxNode at)
    {
        ITypeSymbol type = symbol switch
        {
            ILocalSymbol local => local.Type,
            IParameterSymbol parameter => parameter.Type,
            _ => ((IFieldSymbol)symbol).Type,
        };
        return Source.IsTensor(type) || Source.IsNumber(type) ? VariableOf(symbol, type) : throw new NotRewrittenException(Rules.VariableType, at, Name, symbol.Name);
    }

    private Variable VariableOf(ISymbol symbol, ITypeSymbol type)
    {
        if (!_variables.TryGetValue(symbol, out Variable? variable))
        {
            string name = _variables.Values.Any(other => other.Name == symbol.Name) ? $"{symbol.Name}_{++_names}" : symbol.Name;
            _variables[symbol] = variable = new Variable(symbol, type, name);
            if (symbol is IFieldSymbol)
            {
                Kept.Add(variable);
            }
        }

        return variable;
    }

    /// <summary>Whether an expression is the same at every call: constants and what cannot be set again.</summary>
    private bool IsFixed(ExpressionSyntax expression) => _model.GetConstantValue(expression).HasValue
        || (!Read(expression).Any() && !KeptIn([expression]).Any() && expression.DescendantNodesAndSelf().All(node => node switch
        {
            InvocationExpressionSyntax or AssignmentExpressionSyntax or ObjectCreationExpressionSyntax => false,
            IdentifierNameSyntax name => _model.GetSymbolInfo(name).Symbol switch
            {
                IFieldSymbol field => field.IsReadOnly || field.IsConst,
                IPropertySymbol property => property.SetMethod is null,
                IMethodSymbol => false,
                _ => true,
            },
            _ => true,
        }));

    private IEnumerable<ISymbol> Read(ExpressionSyntax expression) =>
        _model.AnalyzeDataFlow(expression)!.DataFlowsIn.Where(symbol => symbol is not IParameterSymbol { IsThis: true });

    private IEnumerable<ISymbol> KeptIn(IEnumerable<SyntaxNode> nodes) => nodes
        .SelectMany(node => node.DescendantNodesAndSelf().OfType<IdentifierNameSyntax>())
        .Select(name => _model.GetSymbolInfo(name).Symbol)
        .Where(symbol => symbol is IFieldSymbol && Source.Has(symbol, "KeptAttribute"))
        .Distinct(SymbolEqualityComparer.Default)!;

    private bool IsWritten(ISymbol field, List<StatementSyntax> run) => Uses(field, run).Any(IsTarget);

    /// <summary>Whether a statement reads a kept field before an earlier one sets it.</summary>
    private bool IsRead(ISymbol field, List<StatementSyntax> run) => run
        .TakeWhile((_, index) => !IsWritten(field, run.GetRange(0, index)))
        .Any(statement => Uses(field, [statement]).Any(use => !IsTarget(use)));

    private IEnumerable<IdentifierNameSyntax> Uses(ISymbol field, List<StatementSyntax> run) => run
        .SelectMany(statement => statement.DescendantNodes().OfType<IdentifierNameSyntax>())
        .Where(name => SymbolEqualityComparer.Default.Equals(_model.GetSymbolInfo(name).Symbol, field));

    private static bool IsTarget(IdentifierNameSyntax name) => name.Parent is AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression } assignment && assignment.Left == name;

    private static string Names(IEnumerable<string> names) => $"[{string.Join(", ", names.Select(name => $"\"{name}\""))}]";

    private static IEnumerable<string> Lines(StatementSyntax statement)
    {
        string[] lines = statement.ToString().Replace("\r", "").Split('\n');
        int indent = statement.GetLocation().GetLineSpan().StartLinePosition.Character;
        return lines.Select((line, index) => index == 0 ? line : line.Length >= indent && line.Substring(0, indent).Trim().Length == 0 ? line.Substring(indent) : line.TrimStart());
    }

    private static string Words(StatementSyntax statement) => statement switch
    {
        ContinueStatementSyntax => "'continue'",
        LocalDeclarationStatementSyntax => "'using' declaration",
        ReturnStatementSyntax => "'return' of nothing",
        _ => $"'{statement.GetFirstToken().Text}' statement",
    };
}
