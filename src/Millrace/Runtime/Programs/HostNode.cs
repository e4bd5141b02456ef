namespace Millrace.Runtime.Programs;

/// <summary>A node as the host runs it: variables are numbers of the table, and what dies on each way out is known.</summary>
/// <param name="Part">Runs its operations; null where there are none.</param>
/// <param name="Inputs">Variables that the part reads.</param>
/// <param name="Outputs">Variables that it sets.</param>
/// <param name="Exit">How the control leaves.</param>
/// <param name="Condition">What a branch asks: a variable, or a number.</param>
/// <param name="Results">What a return gives.</param>
/// <param name="Live">For each node that may follow, the variables wanted there.</param>
/// <param name="Join">Where the ways of a branch meet; -1 where they end apart.</param>
internal sealed record HostNode(
    PartVariants? Part, int[] Inputs, int[] Outputs, NodeExit Exit, PartOperand Condition, PartOperand[] Results, Dictionary<int, bool[]> Live, int Join);
