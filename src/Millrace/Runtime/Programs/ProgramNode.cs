namespace Millrace.Runtime.Programs;

/// <summary>A straight line of operations, all of the host or none, and how the control leaves it.</summary>
/// <param name="Operations">What is done, in this order.</param>
/// <param name="Exit">What comes then.</param>
public sealed record ProgramNode(IReadOnlyList<Operation> Operations, NodeExit Exit)
{
    /// <summary>Whether the host runs it; a node without operations is of the host.</summary>
    public bool OnHost => Operations.All(operation => operation.Block.OnHost);

    /// <summary>What it sets.</summary>
    internal IEnumerable<string> Sets => Operations.SelectMany(operation => operation.Outputs);

    /// <summary>What its exit reads.</summary>
    internal IEnumerable<string> ExitReads => Exit.Reads.Where(operand => operand.Name is not null).Select(operand => operand.Name!);

    /// <summary>Variables that its operations read before they set them.</summary>
    internal IEnumerable<string> OperationReads()
    {
        var set = new HashSet<string>();
        var seen = new HashSet<string>();
        foreach (Operation operation in Operations)
        {
            foreach (string name in operation.Reads)
            {
                if (!set.Contains(name) && seen.Add(name))
                {
                    yield return name;
                }
            }

            set.UnionWith(operation.Outputs);
        }
    }
}
