namespace Millrace.Runtime.Programs;

/// <summary>
/// A straight-line sub-network with its signature: what a back-end compiles. Variables are numbered, inputs first, so that two
/// nodes that differ in names alone have the same part.
/// </summary>
public sealed class Part
{
    private Part(IReadOnlyList<PartStep> steps, int inputs, IReadOnlyList<int> outputs, int variables) =>
        (Steps, Inputs, Outputs, Variables) = (steps, inputs, outputs, variables);

    /// <summary>What is done, in this order.</summary>
    public IReadOnlyList<PartStep> Steps { get; }

    /// <summary>How many inputs: the variables 0 to this.</summary>
    public int Inputs { get; }

    /// <summary>The variables that are given back.</summary>
    public IReadOnlyList<int> Outputs { get; }

    /// <summary>How many variables.</summary>
    public int Variables { get; }

    /// <summary>Its blocks, joined.</summary>
    public string Name => string.Join(" + ", Steps.Select(step => step.Block.Name));

    /// <summary>Whether the host runs it.</summary>
    public bool OnHost => Steps.All(step => step.Block.OnHost);

    /// <summary>The part of a node, and the names of its inputs and outputs there.</summary>
    /// <param name="node">The node.</param>
    /// <param name="wanted">The variables that are wanted after it.</param>
    internal static (Part Part, string[] Inputs, string[] Outputs) Of(ProgramNode node, IReadOnlySet<string> wanted)
    {
        string[] inputs = [.. node.OperationReads()];
        string[] outputs = [.. node.Sets.Distinct().Where(wanted.Contains)];
        var number = inputs.Index().ToDictionary(input => input.Item, input => input.Index);
        var steps = new List<PartStep>();
        int variables = inputs.Length;
        foreach (Operation operation in node.Operations)
        {
            PartOperand[] reads = [.. operation.Inputs.Select(input => input.Name is { } name ? new PartOperand(number[name], default) : new PartOperand(-1, input.Constant))];
            int[] sets = [.. operation.Outputs.Select(name => number[name] = variables++)];
            steps.Add(new PartStep(operation.Block, reads, sets));
        }

        return (new Part(steps, inputs.Length, [.. outputs.Select(name => number[name])], variables), inputs, outputs);
    }

    /// <summary>Whether it is the same code with the same weights and the same signature.</summary>
    internal bool IsSame(Part other) => Inputs == other.Inputs && Outputs.SequenceEqual(other.Outputs) && Steps.Count == other.Steps.Count
        && Steps.Zip(other.Steps).All(pair => ReferenceEquals(pair.First.Block, pair.Second.Block)
            && pair.First.Outputs.SequenceEqual(pair.Second.Outputs)
            && pair.First.Inputs.Count == pair.Second.Inputs.Count
            && pair.First.Inputs.Zip(pair.Second.Inputs).All(read => read.First.IsSame(read.Second)));
}
