namespace Millrace.Runtime.Programs.Passes;

/// <summary>Drops what nobody reads.</summary>
internal static class DeadCode
{
    public static ControlFlowGraph Run(ControlFlowGraph graph)
    {
        for (; ; )
        {
            Liveness liveness = Liveness.Of(graph);
            bool dropped = false;
            var nodes = graph.Nodes.ToDictionary(node => node.Key, node =>
            {
                HashSet<string> live = liveness.After(node.Key);
                var kept = new List<Operation>();
                foreach (Operation operation in node.Value.Operations.Reverse())
                {
                    if (operation.Block.IsPure && !operation.Outputs.Any(live.Contains))
                    {
                        dropped = true;
                        continue;
                    }

                    live.ExceptWith(operation.Outputs);
                    live.UnionWith(operation.Reads);
                    kept.Insert(0, operation);
                }

                return node.Value with { Operations = kept };
            });
            if (!dropped)
            {
                return graph;
            }

            graph = graph.With(nodes);
        }
    }
}
