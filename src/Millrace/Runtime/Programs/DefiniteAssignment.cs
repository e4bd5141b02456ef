namespace Millrace.Runtime.Programs;

/// <summary>Refuses a program that reads a variable which some way leaves unset, and says which way.</summary>
internal static class DefiniteAssignment
{
    /// <summary>Checks.</summary>
    /// <exception cref="ProgramException">Names the variable and the way.</exception>
    public static void Check(ControlFlowGraph graph)
    {
        HashSet<string> given = [.. graph.Program.Inputs, .. graph.Program.Kept];
        foreach (string name in Liveness.Of(graph).Before(graph.Entry).Except(given).Order(StringComparer.Ordinal))
        {
            throw new ProgramException($"Program '{graph.Program.Name}' reads '{name}' where nothing was stored in it, {Way(graph, name)}; every way to a read sets the variable.");
        }
    }

    /// <summary>The shortest way from the entry to a read of a variable, past no node that sets it.</summary>
    private static string Way(ControlFlowGraph graph, string name)
    {
        var cameFrom = new Dictionary<int, (int Node, string Step)> { [graph.Entry] = (-1, "") };
        var open = new Queue<int>([graph.Entry]);
        while (open.TryDequeue(out int id))
        {
            ProgramNode node = graph.Nodes[id];
            if (node.OperationReads().Contains(name) || (node.ExitReads.Contains(name) && !node.Sets.Contains(name)))
            {
                var steps = new List<string>();
                for (int at = id; at != graph.Entry; at = cameFrom[at].Node)
                {
                    steps.Insert(0, cameFrom[at].Step);
                }

                string read = node.Operations.FirstOrDefault(operation => operation.Reads.Contains(name)) is { } reader ? $"in '{reader.Block}'" : "at a condition or return";
                return $"{read}, on the way {(steps.Any(step => step.Length > 0) ? string.Join(", ", steps.Where(step => step.Length > 0)) : "straight from the start")}";
            }

            if (node.Sets.Contains(name))
            {
                continue;
            }

            foreach (int next in node.Exit.Next)
            {
                string step = node.Exit is NodeExit.Branch branch ? $"{(next == branch.WhenTrue ? "true" : "false")} at '{Asked(node, branch)}'" : "";
                if (cameFrom.TryAdd(next, (id, step)))
                {
                    open.Enqueue(next);
                }
            }
        }

        return "on some way";
    }

    private static string Asked(ProgramNode node, NodeExit.Branch branch) =>
        node.Operations.LastOrDefault(operation => operation.Outputs.Contains(branch.Condition.Name)) is { } asker ? asker.Block.Name : branch.Condition.ToString();
}
