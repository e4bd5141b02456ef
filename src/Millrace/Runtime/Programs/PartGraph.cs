using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>
/// A part as operators of libtorch over numbered values: what every compiling back-end starts from. Tensors that are not inputs are
/// weights, held by reference.
/// </summary>
public sealed class PartGraph
{
    private readonly List<PartGraphNode> _nodes = [];
    private readonly List<Tensor> _weights = [];
    private readonly Dictionary<Tensor, int> _weightIndex = new(ReferenceEqualityComparer.Instance);
    private readonly List<GraphArgument> _inputs = [];
    private int _values;

    /// <summary>The operators, in order.</summary>
    public IReadOnlyList<PartGraphNode> Nodes => _nodes;

    /// <summary>The weights, each once.</summary>
    public IReadOnlyList<Tensor> Weights => _weights;

    /// <summary>The inputs that are tensors or real numbers; whole numbers are constants of the graph.</summary>
    public IReadOnlyList<GraphArgument> Inputs => _inputs;

    /// <summary>What it gives.</summary>
    public IReadOnlyList<GraphArgument> Outputs { get; private set; } = [];

    /// <summary>Describes a part for the whole numbers among its inputs.</summary>
    /// <param name="part">The part.</param>
    /// <param name="example">Inputs of a call.</param>
    /// <exception cref="PartNotCompiledException">Where a block has no description.</exception>
    public static PartGraph Of(Part part, IReadOnlyList<Value> example)
    {
        var graph = new PartGraph();
        var variables = new GraphArgument[part.Variables];
        for (int index = 0; index < part.Inputs; index++)
        {
            variables[index] = graph.Input(example[index]);
        }

        foreach (PartStep step in part.Steps)
        {
            Func<PartGraph, GraphArgument[], GraphArgument[]> describe = step.Block.Describe
                ?? throw new PartNotCompiledException($"'{step.Block.Name}' has no description in operators");
            GraphArgument[] outputs = describe(graph, [.. step.Inputs.Select(input => input.IsConstant ? Constant(input.Constant) : variables[input.Variable])]);
            foreach ((int index, int variable) in step.Outputs.Index())
            {
                variables[variable] = outputs[index];
            }
        }

        graph.Outputs = [.. part.Outputs.Select(variable => variables[variable])];
        return graph;
    }

    /// <summary>Applies an operator of libtorch, its arguments in their order there.</summary>
    /// <exception cref="PartNotCompiledException">For an operator that <see cref="PartOperators"/> does not list.</exception>
    public GraphArgument Apply(string name, params GraphArgument[] arguments)
    {
        if (!PartOperators.All.TryGetValue(name, out (int Least, int Most) count))
        {
            throw new PartNotCompiledException($"the operator '{name}' is not among those that are compiled");
        }

        if (arguments.Length < count.Least || arguments.Length > count.Most)
        {
            throw new PartNotCompiledException($"the operator '{name}' takes {count.Least} to {count.Most} arguments, and has {arguments.Length}");
        }

        GraphArgument result = GraphArgument.OfValue(_values++, isTensor: true);
        _nodes.Add(new PartGraphNode(name, [.. arguments.Select(Held)], result));
        return result;
    }

    /// <summary>Applies a module, by its own description or by that of the layers of TorchSharp.</summary>
    /// <exception cref="PartNotCompiledException">For a module without one.</exception>
    public GraphArgument Call(nn.Module module, params GraphArgument[] inputs) => module switch
    {
        IDescribedModule described => described.Describe(this, inputs),
        Linear layer => Apply("linear", inputs[0], layer.weight, layer.bias),
        Conv2d { padding_mode: PaddingModes.Zeros, padding: not null } layer =>
            Apply("conv2d", inputs[0], layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups),
        GroupNorm layer => Apply("group_norm", inputs[0], layer.num_groups, layer.weight, layer.bias, layer.eps),
        ReLU => Apply("relu", inputs[0]),
        SiLU => Apply("silu", inputs[0]),
        Sigmoid => Apply("sigmoid", inputs[0]),
        Tanh => Apply("tanh", inputs[0]),
        Sequential sequence => sequence.children().Aggregate(inputs[0], (value, child) => Call(child, value)),
        _ => throw new PartNotCompiledException($"the module '{module.GetName()}' has no description in operators"),
    };

    private static GraphArgument Constant(Value number) => number.Kind == ValueKind.Real ? (GraphArgument)number.Real : number.Whole;

    private GraphArgument Input(Value value)
    {
        if (value.Kind == ValueKind.Whole)
        {
            return value.Whole;
        }

        GraphArgument input = GraphArgument.OfValue(_values++, value.Kind == ValueKind.Tensor);
        _inputs.Add(input);
        return input;
    }

    private GraphArgument Held(GraphArgument argument)
    {
        if (argument.Kind == GraphArgumentKind.Values)
        {
            return GraphArgument.List([.. argument.Values.Select(Held)]);
        }

        if (argument.Weight is { } weight && _weightIndex.TryAdd(weight, _weights.Count))
        {
            _weights.Add(weight);
        }

        return argument.Kind == GraphArgumentKind.Weight ? argument.At(_weightIndex[argument.Weight!]) : argument;
    }
}
