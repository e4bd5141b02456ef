namespace Millrace.Runtime.Programs;

/// <summary>
/// Which variables are still wanted where: live_in(n) = use(n) u (live_out(n) - def(n)), live_out(n) = the union of live_in over the
/// nodes that may follow, to a fixed point. Kept variables are wanted at every end.
/// </summary>
internal sealed class Liveness
{
    private readonly Dictionary<int, HashSet<string>> _in;
    private readonly ControlFlowGraph _graph;

    private Liveness(ControlFlowGraph graph, Dictionary<int, HashSet<string>> liveIn) => (_graph, _in) = (graph, liveIn);

    /// <summary>Solves the equations.</summary>
    public static Liveness Of(ControlFlowGraph graph)
    {
        var liveness = new Liveness(graph, graph.Nodes.Keys.ToDictionary(id => id, _ => new HashSet<string>()));
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach ((int id, ProgramNode node) in graph.Nodes.Reverse())
            {
                HashSet<string> live = liveness.After(id);
                live.ExceptWith(node.Sets);
                live.UnionWith(node.OperationReads());
                changed |= !live.SetEquals(liveness._in[id]);
                liveness._in[id] = live;
            }
        }

        return liveness;
    }

    /// <summary>Wanted before a node.</summary>
    public IReadOnlySet<string> Before(int id) => _in[id];

    /// <summary>Wanted after the operations of a node, by its exit or by what follows.</summary>
    public HashSet<string> After(int id)
    {
        ProgramNode node = _graph.Nodes[id];
        HashSet<string> live = [.. node.ExitReads, .. node.Exit.Next.SelectMany(next => _in[next])];
        if (node.Exit is NodeExit.Return)
        {
            live.UnionWith(_graph.Program.Kept);
        }

        return live;
    }
}
