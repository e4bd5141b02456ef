namespace Millrace.Runtime.Programs;

/// <summary>From a graph to what the host runs: parts with signatures, variables as numbers, and what is wanted on each way.</summary>
internal sealed class HostBuilder
{
    private readonly Dictionary<string, int> _numbers = [];
    private readonly List<PartVariants> _parts = [];
    private readonly ProgramOptions _options;

    public HostBuilder(ControlFlowGraph graph, ProgramOptions options)
    {
        _options = options;
        Inputs = [.. graph.Program.Inputs.Select(Number)];
        Kept = [.. graph.Program.Kept.Select(Number)];
        foreach (ProgramNode node in graph.Nodes.Values)
        {
            foreach (string name in node.OperationReads().Concat(node.Sets).Concat(node.ExitReads))
            {
                Number(name);
            }
        }

        Liveness liveness = Liveness.Of(graph);
        LiveAtEntry = Wanted(liveness, graph.Entry);
        Dictionary<int, int> joins = Joins(graph);
        Nodes = graph.Nodes.ToDictionary(node => node.Key, node => Build(graph, liveness, node.Key, joins[node.Key]));
    }

    public Dictionary<int, HostNode> Nodes { get; }

    public IReadOnlyList<PartVariants> Parts => _parts;

    public IEnumerable<string> Names => _numbers.Keys;

    public int[] Inputs { get; }

    public int[] Kept { get; }

    public bool[] LiveAtEntry { get; }

    public int LargestLiveSet { get; private set; }

    private HostNode Build(ControlFlowGraph graph, Liveness liveness, int id, int join)
    {
        ProgramNode node = graph.Nodes[id];
        HashSet<string> after = liveness.After(id);
        (Part part, string[] inputs, string[] outputs) = Part.Of(node, after);
        LargestLiveSet = Math.Max(LargestLiveSet, liveness.Before(id).Union(outputs).Count());
        PartOperand Operand(Operand operand) => operand.Name is { } name ? new PartOperand(Number(name), default) : new PartOperand(-1, operand.Constant);
        IEnumerable<int> follow = node.Exit is NodeExit.Branch && join >= 0 ? [.. node.Exit.Next, join] : node.Exit.Next;
        return new HostNode(
            node.Operations.Count > 0 ? Share(part) : null,
            [.. inputs.Select(Number)],
            [.. outputs.Select(Number)],
            node.Exit,
            node.Exit is NodeExit.Branch branch ? Operand(branch.Condition) : default,
            node.Exit is NodeExit.Return end ? [.. end.Results.Select(Operand)] : [],
            follow.Distinct().ToDictionary(next => next, next => Wanted(liveness, next)),
            join);
    }

    private bool[] Wanted(Liveness liveness, int id)
    {
        var wanted = new bool[_numbers.Count];
        foreach (string name in liveness.Before(id))
        {
            wanted[Number(name)] = true;
        }

        return wanted;
    }

    private PartVariants Share(Part part)
    {
        PartVariants? known = _options.Passes.HasFlag(ProgramPasses.Share) ? _parts.FirstOrDefault(one => one.Part.IsSame(part)) : null;
        if (known is null)
        {
            _parts.Add(known = new PartVariants(part, _options));
        }

        return known;
    }

    private int Number(string name)
    {
        if (!_numbers.TryGetValue(name, out int number))
        {
            _numbers[name] = number = _numbers.Count;
        }

        return number;
    }

    /// <summary>For each node the first one that every way from it to the end passes; -1 where the ways end apart.</summary>
    private static Dictionary<int, int> Joins(ControlFlowGraph graph)
    {
        int[] ends = [.. graph.Nodes.Where(node => node.Value.Exit is NodeExit.Return).Select(node => node.Key)];
        Dictionary<int, HashSet<int>> after = graph.Dominators(ends, id => graph.Nodes[id].Exit.Next);
        return graph.Nodes.Keys.ToDictionary(id => id, id =>
        {
            int[] others = [.. after[id].Where(other => other != id)];
            return others.FirstOrDefault(other => others.All(further => after[other].Contains(further)), -1);
        });
    }
}
