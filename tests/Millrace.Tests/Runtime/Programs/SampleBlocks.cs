using Millrace.Runtime.Programs;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Programs;

/// <summary>Static functions for programs in tests: rows are independent and nothing grows, so that every referee agrees to the bit.</summary>
internal static class SampleBlocks
{
    public static Block Mean { get; } = Binary("mean", (a, b) => a.Plus(b).Times(0.5), (graph, a, b) => graph.Apply("mul", graph.Apply("add", a, b), 0.5));

    public static Block Difference { get; } = Binary("difference", (a, b) => a.Minus(b).Times(0.5), (graph, a, b) => graph.Apply("mul", graph.Apply("sub", a, b), 0.5));

    public static Block Less { get; } = Binary("less", (a, b) => a.minimum(b), (graph, a, b) => graph.Apply("minimum", a, b));

    public static Block Turned { get; } = Unary("turned", a => a.neg(), (graph, a) => graph.Apply("neg", a));

    public static Block Positive { get; } = Unary("positive", a => a.relu(), (graph, a) => graph.Apply("relu", a));

    /// <summary>[B, D] to [B], bool: whether the first number is above a quarter.</summary>
    public static Block IsLarge { get; } = Unary("is large", a => a.select(1, 0).neg().IsBelow(-0.25), (graph, a) => graph.Apply("gt", graph.Apply("select", a, 1, 0), 0.25));

    /// <summary>Adds a whole number of the host.</summary>
    public static Block Moved { get; } = new("moved", values => [values[0].Tensor.Plus(0.125 * values[1].Whole)])
    {
        Describe = (graph, inputs) => [graph.Apply("add", inputs[0], 0.125 * inputs[1].Whole)],
    };

    public static Block IsBelow { get; } = new("is below", values => [values[0].Whole < values[1].Whole]) { OnHost = true };

    public static Block Next { get; } = new("next", values => [values[0].Whole + 1]) { OnHost = true };

    public static Block Zero { get; } = new("zero", _ => [0]) { OnHost = true };

    public static Block Unary(string name, Func<Tensor, Tensor> run, Func<PartGraph, GraphArgument, GraphArgument> describe) =>
        new(name, values => [run(values[0].Tensor)]) { Describe = (graph, inputs) => [describe(graph, inputs[0])] };

    private static Block Binary(string name, Func<Tensor, Tensor, Tensor> run, Func<PartGraph, GraphArgument, GraphArgument, GraphArgument> describe) =>
        new(name, values => [run(values[0].Tensor, values[1].Tensor)]) { Describe = (graph, inputs) => [describe(graph, inputs[0], inputs[1])] };
}
