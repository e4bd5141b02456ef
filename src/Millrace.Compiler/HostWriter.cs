using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Millrace.Compiler;

/// <summary>Writes what was read: the program, its host, and its parts with their descriptions.</summary>
internal sealed class HostWriter(MethodDeclarationSyntax method, IMethodSymbol symbol, ProgramReader program)
{
    private readonly StringBuilder _text = new();
    private readonly string _name = char.ToUpperInvariant(symbol.Name[0]) + symbol.Name.Substring(1);
    private readonly string _static = symbol.IsStatic ? "static " : "";
    private int _indent;

    public string Write()
    {
        Line($"// What {symbol.ContainingType.Name}.{symbol.Name} is made of: parts without branches, and the host that joins them. Written by Millrace.Compiler.");
        Line("#nullable enable");
        Line("#pragma warning disable");
        foreach (string line in Usings())
        {
            Line(line);
        }

        Line("");
        Line($"namespace {symbol.ContainingNamespace.ToDisplayString()};");
        Line("");
        Line($"partial {(symbol.ContainingType.IsRecord ? "record" : "class")} {symbol.ContainingType.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}");
        Open();
        Program();
        Host();
        foreach (PartModel part in program.Parts)
        {
            Part(part);
        }

        Close();
        return _text.ToString();
    }

    private IEnumerable<string> Usings() => ((CompilationUnitSyntax)method.SyntaxTree.GetRoot()).Usings.Concat(method.Ancestors().OfType<BaseNamespaceDeclarationSyntax>().SelectMany(space => space.Usings))
        .Select(use => use.WithoutTrivia().ToString())
        .Concat(["using System;", "using Millrace.Runtime.Programs;", "using TorchSharp;", "using static TorchSharp.torch;"])
        .Distinct();

    private void Program()
    {
        Line($"/// <summary>The method {symbol.Name} as a program.</summary>");
        Line($"public {_static}TensorProgram {_name}Program()");
        Open();
        foreach (PartModel part in program.Parts)
        {
            BlockOf(part);
        }

        string kept = program.Kept.Count > 0 ? $" {{ Kept = {Names(program.Kept)} }}" : "";
        Line($"return new TensorProgram(\"{symbol.ContainingType.Name}.{symbol.Name}\", {Names(program.Inputs)},");
        Statements(program.Body);
        Continue($"){kept};");
        Close();
        Line("");
    }

    private void BlockOf(PartModel part)
    {
        string call = $"{_name}Part{part.Number}({string.Join(", ", part.Inputs.Select((input, index) => input.Unwrap($"values[{index}]")))})";
        string results = string.Join(", ", part.Results.Select((_, index) => $"results.Item{index + 1}"));
        string run = part.Results.Count == 1 ? $"values => [{call}]" : $"values => {call} is var results ? [{results}] : []";
        var properties = new List<string>();
        if (part.OnHost)
        {
            properties.Add("OnHost = true");
        }

        if (!part.IsPure)
        {
            properties.Add("IsPure = false");
        }

        if (part.Description is not null)
        {
            string arguments = string.Join("", part.Inputs.Select((input, index) => ", " + input.UnwrapArgument($"inputs[{index}]")));
            properties.Add($"Describe = (graph, inputs) => Describe{_name}Part{part.Number}(graph{arguments})");
        }
        else if (part.NotDescribed is not null)
        {
            properties.Add($"Describe = (graph, inputs) => throw new PartNotCompiledException({Literal($"no operator is known for {part.NotDescribed}")})");
        }

        Line($"var part{part.Number} = new Block({Literal(part.Title)}, {run}){(properties.Count > 0 ? $" {{ {string.Join(", ", properties)} }}" : "")};");
    }

    private void Statements(List<StatementModel> statements)
    {
        if (statements.Count == 0)
        {
            Line("[]");
            return;
        }

        Line("[");
        _indent++;
        foreach (StatementModel statement in statements)
        {
            switch (statement)
            {
                case StatementModel.Apply apply:
                    Line($"new Statement.Apply(part{apply.Part.Number}, {Quoted(apply.Inputs)}, {Quoted(apply.Outputs)}),");
                    break;
                case StatementModel.If choice:
                    Line($"new Statement.If({choice.Condition},");
                    Statements(choice.Then);
                    Continue(",");
                    Statements(choice.Else);
                    Continue("),");
                    break;
                case StatementModel.Loop loop:
                    Line(loop.Head);
                    Statements(loop.Body);
                    Continue(loop.Tail + ",");
                    break;
                case StatementModel.Leave leave:
                    Line(leave.Code + ",");
                    break;
            }
        }

        _indent--;
        Line("]");
    }

    private void Host()
    {
        string parameters = string.Join(", ", program.Inputs.Select(input => $"{input.Type} {input.Local}"));
        string arguments = string.Join(", ", program.Inputs.Select(input => input.Local));
        string type = symbol.ReturnType is INamedTypeSymbol { IsTupleType: true } tuple
            ? $"({string.Join(", ", tuple.TupleElements.Select(element => Results(element.Type)))})"
            : Results(symbol.ReturnType);
        string returned = symbol.ReturnType is INamedTypeSymbol { IsTupleType: true } several
            ? $"program.Run({arguments}) is var values ? ({string.Join(", ", several.TupleElements.Select((element, index) => new Variable(element, element.Type, "").Unwrap($"values[{index}]")))}) : default"
            : new Variable(symbol, symbol.ReturnType, "").Unwrap($"program.Run({arguments})[0]");
        Line($"/// <summary>Compiles the method {symbol.Name}.</summary>");
        Line($"public {_static}{_name}Host Compile{_name}(ProgramOptions options) => new(CompiledProgram.Compile({_name}Program(), options));");
        Line("");
        Line($"/// <summary>Joins the parts of the method {symbol.Name}.</summary>");
        Line($"public sealed class {_name}Host(CompiledProgram program) : IDisposable");
        Open();
        Line("/// <summary>What runs.</summary>");
        Line("public CompiledProgram Program => program;");
        Line("");
        Line($"/// <summary>Gives what {symbol.Name} gives, in the dispose scope of the caller.</summary>");
        Line($"public {type} Run({parameters}) => {returned};");
        Line("");
        Line("/// <inheritdoc/>");
        Line("public void Dispose() => program.Dispose();");
        Close();
    }

    private void Part(PartModel part)
    {
        string parameters = string.Join(", ", part.Inputs.Select(input => $"{input.Type} {input.Local}"));
        string type = part.Results.Count == 1 ? part.Results[0].Type : $"({string.Join(", ", part.Results.Select(result => result.Type))})";
        string value = string.Join(", ", part.Results.Select(result => result.Code));
        Line("");
        Line($"private {_static}{type} {_name}Part{part.Number}({parameters})");
        Open();
        part.Body.ForEach(Line);
        Line(part.Results.Count == 1 ? $"return {value};" : $"return ({value});");
        Close();
        if (part.Description is not null)
        {
            string described = string.Join("", part.Inputs.Select(input => $", {(input.IsTensor || input.IsReal ? "GraphArgument" : input.Type)} {input.Local}"));
            Line("");
            Line($"private {_static}GraphArgument[] Describe{_name}Part{part.Number}(PartGraph graph{described})");
            Open();
            part.Description.ForEach(Line);
            Line($"return [{string.Join(", ", part.Results.Select(result => result.Description))}];");
            Close();
        }
    }

    private static string Results(ITypeSymbol type) => Source.IsTensor(type) ? "Tensor" : type.ToDisplayString();

    private static string Names(IEnumerable<Variable> variables) => Quoted(variables.Select(variable => variable.Name));

    private static string Quoted(IEnumerable<string> names) => $"[{string.Join(", ", names.Select(name => $"\"{name}\""))}]";

    private static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text.Replace("\r", "").Replace("\n", " "), quote: true);

    private void Open()
    {
        Line("{");
        _indent++;
    }

    private void Close()
    {
        _indent--;
        Line("}");
    }

    /// <summary>Puts something at the end of the last line.</summary>
    private void Continue(string tail) => _text.Insert(_text.Length - 1, tail);

    private void Line(string line) => _text.Append(line.Length == 0 ? "" : new string(' ', 4 * _indent) + line).Append('\n');
}
