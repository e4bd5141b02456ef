namespace Millrace.Runtime.Programs;

/// <summary>A program as nodes and the ways between them.</summary>
/// <param name="Program">What it was made of.</param>
/// <param name="Entry">The first node.</param>
/// <param name="Nodes">All nodes, by number.</param>
public sealed record ControlFlowGraph(TensorProgram Program, int Entry, IReadOnlyDictionary<int, ProgramNode> Nodes)
{
    /// <summary>For each node the nodes that lead to it, each once.</summary>
    internal ILookup<int, int> Predecessors() => Nodes
        .SelectMany(node => node.Value.Exit.Next.Distinct().Select(next => (From: node.Key, To: next)))
        .ToLookup(way => way.To, way => way.From);

    /// <summary>The same graph with other nodes, without those that the entry does not lead to.</summary>
    internal ControlFlowGraph With(IReadOnlyDictionary<int, ProgramNode> nodes, int? entry = null)
    {
        int first = entry ?? Entry;
        var reached = new SortedDictionary<int, ProgramNode>();
        var open = new Stack<int>([first]);
        while (open.TryPop(out int id))
        {
            if (reached.TryAdd(id, nodes[id]))
            {
                foreach (int next in nodes[id].Exit.Next)
                {
                    open.Push(next);
                }
            }
        }

        return this with { Entry = first, Nodes = reached };
    }

    /// <summary>
    /// For each node the nodes that every way from a start to it passes, itself included. Of the reversed graph, which starts at the
    /// ends, those that every way from it to an end passes.
    /// </summary>
    /// <param name="starts">Where the ways begin.</param>
    /// <param name="previous">The steps that lead to a node.</param>
    internal Dictionary<int, HashSet<int>> Dominators(IReadOnlyCollection<int> starts, Func<int, IEnumerable<int>> previous)
    {
        var dominators = Nodes.Keys.ToDictionary(id => id, id => starts.Contains(id) ? [id] : new HashSet<int>(Nodes.Keys));
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (int id in Nodes.Keys.Where(id => !starts.Contains(id)))
            {
                HashSet<int>? common = null;
                foreach (int from in previous(id))
                {
                    common ??= [.. dominators[from]];
                    common.IntersectWith(dominators[from]);
                }

                common ??= [];
                common.Add(id);
                if (!common.SetEquals(dominators[id]))
                {
                    dominators[id] = common;
                    changed = true;
                }
            }
        }

        return dominators;
    }
}
