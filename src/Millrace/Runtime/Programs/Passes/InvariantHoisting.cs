namespace Millrace.Runtime.Programs.Passes;

/// <summary>
/// Takes out of a loop what each round would compute anew to the same result. The loop is first turned: its condition is asked once
/// before it, and what is taken out runs between that first yes and the first round, so that a loop of no rounds computes nothing.
/// </summary>
internal static class InvariantHoisting
{
    public static ControlFlowGraph Run(ControlFlowGraph graph)
    {
        var done = new HashSet<int>();
        for (; ; )
        {
            ILookup<int, int> predecessors = graph.Predecessors();
            Dictionary<int, HashSet<int>> dominators = graph.Dominators([graph.Entry], id => predecessors[id]);
            int header = graph.Nodes.Keys.FirstOrDefault(id => !done.Contains(id) && predecessors[id].Any(from => dominators[from].Contains(id)), -1);
            if (header < 0)
            {
                return graph;
            }

            done.Add(header);
            int[] latches = [.. predecessors[header].Where(from => dominators[from].Contains(header))];
            graph = Hoist(graph, header, LoopOf(header, latches, predecessors));
        }
    }

    private static HashSet<int> LoopOf(int header, int[] latches, ILookup<int, int> predecessors)
    {
        HashSet<int> loop = [header];
        var open = new Stack<int>(latches);
        while (open.TryPop(out int id))
        {
            if (loop.Add(id))
            {
                foreach (int from in predecessors[id])
                {
                    open.Push(from);
                }
            }
        }

        return loop;
    }

    private static ControlFlowGraph Hoist(ControlFlowGraph graph, int header, HashSet<int> loop)
    {
        if (graph.Nodes[header].Exit is not NodeExit.Branch asks || loop.Contains(asks.WhenTrue) == loop.Contains(asks.WhenFalse))
        {
            return graph;
        }

        int body = loop.Contains(asks.WhenTrue) ? asks.WhenTrue : asks.WhenFalse;
        Dictionary<string, int> sets = loop.SelectMany(id => graph.Nodes[id].Sets).CountBy(name => name).ToDictionary();
        IReadOnlySet<string> wanted = Liveness.Of(graph).Before(header);
        var hoisted = new List<Operation>();
        var rest = new Dictionary<int, ProgramNode>(graph.Nodes);
        foreach (int id in AlwaysRun(graph, body, header, loop))
        {
            var kept = new List<Operation>();
            foreach (Operation operation in graph.Nodes[id].Operations)
            {
                bool invariant = operation.Block is { IsPure: true, OnHost: false } && operation.Reads.All(name => !sets.ContainsKey(name))
                    && operation.Outputs.All(name => sets[name] == 1 && !wanted.Contains(name));
                (invariant ? hoisted : kept).Add(operation);
                if (invariant)
                {
                    // From here on its outputs are set outside, so that what reads them alone may follow.
                    operation.Outputs.ToList().ForEach(name => sets.Remove(name));
                }
            }

            rest[id] = graph.Nodes[id] with { Operations = kept };
        }

        if (hoisted.Count == 0)
        {
            return graph;
        }

        int first = graph.Nodes.Keys.Max() + 1, before = first + 1;
        rest[before] = new ProgramNode(hoisted, new NodeExit.Jump(body));
        rest[first] = graph.Nodes[header] with { Exit = asks.Redirect(id => id == body ? before : id) };
        foreach (int id in graph.Nodes.Keys.Where(id => !loop.Contains(id)))
        {
            rest[id] = rest[id] with { Exit = rest[id].Exit.Redirect(target => target == header ? first : target) };
        }

        return graph.With(rest, graph.Entry == header ? first : null);
    }

    /// <summary>The nodes that every round runs first: from the beginning of the body as far as one leads to the next alone.</summary>
    private static IEnumerable<int> AlwaysRun(ControlFlowGraph graph, int body, int header, HashSet<int> loop)
    {
        ILookup<int, int> predecessors = graph.Predecessors();
        for (int id = body; id != header && loop.Contains(id) && predecessors[id].Count() == 1;)
        {
            yield return id;
            if (graph.Nodes[id].Exit is not NodeExit.Jump next)
            {
                yield break;
            }

            id = next.To;
        }
    }
}
