using System.Globalization;
using System.Text;

namespace Millrace.Runtime.Programs.Backends;

/// <summary>A graph as the source text of a TorchScript function: inputs first, then the weights; a list of tensors where it gives several.</summary>
internal static class TorchScriptText
{
    /// <summary>Name of the function.</summary>
    public const string Function = "part";

    public static string Of(PartGraph graph)
    {
        IEnumerable<string> parameters = graph.Inputs.Select(input => Text(input) + (input.IsTensor ? "" : ": float"))
            .Concat(graph.Weights.Select((_, index) => $"w{index}"));
        var text = new StringBuilder($"def {Function}({string.Join(", ", parameters)}):\n");
        foreach (PartGraphNode node in graph.Nodes)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {Text(node.Result)} = torch.{node.Operator}({string.Join(", ", node.Arguments.Select(Text))})\n");
        }

        string outputs = string.Join(", ", graph.Outputs.Select(Text));
        return text.Append(CultureInfo.InvariantCulture, $"    return {(graph.Outputs.Count == 1 ? outputs : $"[{outputs}]")}\n").ToString();
    }

    private static string Text(GraphArgument argument) => argument.Kind switch
    {
        GraphArgumentKind.None => "None",
        GraphArgumentKind.Value => $"v{argument.Index}",
        GraphArgumentKind.Values => $"[{string.Join(", ", argument.Values.Select(Text))}]",
        GraphArgumentKind.Weight => $"w{argument.Index}",
        GraphArgumentKind.Real => Real(argument.Real),
        GraphArgumentKind.Whole => argument.Whole.ToString(CultureInfo.InvariantCulture),
        GraphArgumentKind.Truth => argument.Whole != 0 ? "True" : "False",
        _ => $"[{string.Join(", ", argument.Wholes)}]",
    };

    // A number without point or exponent would be a whole one.
    private static string Real(double number)
    {
        if (!double.IsFinite(number))
        {
            throw new PartNotCompiledException($"the number {number.ToString(CultureInfo.InvariantCulture)} cannot be written in a script");
        }

        string text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text.Contains('.') ? text : text.Replace("E", ".0E", StringComparison.Ordinal);
    }
}
