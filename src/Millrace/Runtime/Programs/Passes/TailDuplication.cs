namespace Millrace.Runtime.Programs.Passes;

/// <summary>Copies a small node, to which several ways jump, into each of them. Nodes that a loop comes back to stay.</summary>
internal static class TailDuplication
{
    /// <summary>The most operations of a node that is copied.</summary>
    private const int Small = 2;

    public static ControlFlowGraph Run(ControlFlowGraph graph)
    {
        ILookup<int, int> predecessors = graph.Predecessors();
        Dictionary<int, HashSet<int>> dominators = graph.Dominators([graph.Entry], id => predecessors[id]);
        foreach (int tail in graph.Nodes.Keys.Where(IsTail).ToArray())
        {
            ProgramNode node = graph.Nodes[tail];
            graph = graph.With(graph.Nodes.ToDictionary(one => one.Key, one =>
                one.Value.Exit is NodeExit.Jump jump && jump.To == tail && one.Key != tail && one.Value.OnHost == node.OnHost
                    ? new ProgramNode([.. one.Value.Operations, .. node.Operations], node.Exit)
                    : one.Value));
        }

        return graph;

        bool IsTail(int id) => id != graph.Entry && graph.Nodes[id].Operations.Count is > 0 and <= Small
            && predecessors[id].Count() > 1 && !predecessors[id].Any(from => dominators[from].Contains(id));
    }
}
