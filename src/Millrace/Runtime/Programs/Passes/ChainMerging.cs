namespace Millrace.Runtime.Programs.Passes;

/// <summary>Makes one node of two where the first leads to the second alone and nothing else does, and takes out nodes that do nothing.</summary>
internal static class ChainMerging
{
    public static ControlFlowGraph Run(ControlFlowGraph graph)
    {
        graph = SkipEmpty(graph);
        for (; ; )
        {
            ILookup<int, int> predecessors = graph.Predecessors();
            int first = graph.Nodes.Keys.FirstOrDefault(id => Follower(graph, predecessors, id) is not null, -1);
            if (first < 0)
            {
                return graph;
            }

            ProgramNode node = graph.Nodes[first];
            int second = Follower(graph, predecessors, first)!.Value;
            graph = graph.With(new Dictionary<int, ProgramNode>(graph.Nodes)
            {
                [first] = new([.. node.Operations, .. graph.Nodes[second].Operations], graph.Nodes[second].Exit),
            });
        }
    }

    private static int? Follower(ControlFlowGraph graph, ILookup<int, int> predecessors, int id) =>
        graph.Nodes[id].Exit is NodeExit.Jump { To: int next } && next != id && next != graph.Entry && predecessors[next].Count() == 1
            && (graph.Nodes[id].Operations.Count == 0 || graph.Nodes[next].Operations.Count == 0 || graph.Nodes[id].OnHost == graph.Nodes[next].OnHost)
            ? next
            : null;

    private static ControlFlowGraph SkipEmpty(ControlFlowGraph graph)
    {
        int Target(int id)
        {
            var seen = new HashSet<int>();
            while (seen.Add(id) && graph.Nodes[id] is { Operations.Count: 0, Exit: NodeExit.Jump jump })
            {
                id = jump.To;
            }

            return id;
        }

        return graph.With(graph.Nodes.ToDictionary(node => node.Key, node => node.Value with { Exit = node.Value.Exit.Redirect(Target) }), Target(graph.Entry));
    }
}
