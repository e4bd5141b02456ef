namespace Millrace.Runtime.Programs.Passes;

/// <summary>Numbers that the host knows beforehand take the place of the variables that hold them, and known conditions are decided.</summary>
internal static class ConstantFolding
{
    public static ControlFlowGraph Run(ControlFlowGraph graph)
    {
        for (ControlFlowGraph before = graph; ; before = graph)
        {
            Dictionary<int, Dictionary<string, Value>> known = Known(graph);
            graph = graph.With(graph.Nodes.ToDictionary(node => node.Key, node => Fold(node.Value, new Dictionary<string, Value>(known[node.Key]))));
            if (graph.Nodes.Count == before.Nodes.Count)
            {
                return graph;
            }
        }
    }

    /// <summary>What is known before each node: agreed on by all ways to it. A variable unknown on any way is absent.</summary>
    private static Dictionary<int, Dictionary<string, Value>> Known(ControlFlowGraph graph)
    {
        var known = new Dictionary<int, Dictionary<string, Value>> { [graph.Entry] = [] };
        var open = new Queue<int>([graph.Entry]);
        while (open.TryDequeue(out int id))
        {
            var after = new Dictionary<string, Value>(known[id]);
            Fold(graph.Nodes[id], after);
            foreach (int next in graph.Nodes[id].Exit.Next)
            {
                if (!known.TryGetValue(next, out Dictionary<string, Value>? there))
                {
                    known[next] = new(after);
                    open.Enqueue(next);
                }
                else if (there.Keys.Where(name => !after.TryGetValue(name, out Value value) || !value.IsSameNumber(there[name])).ToArray() is { Length: > 0 } disagreed)
                {
                    Array.ForEach(disagreed, name => there.Remove(name));
                    open.Enqueue(next);
                }
            }
        }

        return known;
    }

    private static ProgramNode Fold(ProgramNode node, Dictionary<string, Value> known)
    {
        Operand Replace(Operand operand) => operand.Name is { } name && known.TryGetValue(name, out Value value) ? Operand.Of(value) : operand;
        var operations = new List<Operation>();
        foreach (Operation operation in node.Operations)
        {
            Operation folded = operation with { Inputs = [.. operation.Inputs.Select(Replace)] };
            Value[]? results = folded.Block is { OnHost: true, IsPure: true } && folded.Inputs.All(input => input.Name is null)
                ? folded.Block.Run([.. folded.Inputs.Select(input => input.Constant)])
                : null;
            foreach ((int index, string name) in folded.Outputs.Index())
            {
                known.Remove(name);
                if (results is not null)
                {
                    known[name] = results[index];
                    operations.Add(new Operation(HostBlocks.Is, [Operand.Of(results[index])], [name]));
                }
            }

            if (results is null)
            {
                operations.Add(folded);
            }
        }

        return new ProgramNode(operations, node.Exit switch
        {
            NodeExit.Branch branch when Replace(branch.Condition) is { Name: null } decided => new NodeExit.Jump(decided.Constant.Truth ? branch.WhenTrue : branch.WhenFalse),
            NodeExit.Return end => new NodeExit.Return([.. end.Results.Select(Replace)]),
            _ => node.Exit,
        });
    }
}
