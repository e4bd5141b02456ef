namespace Millrace.Runtime.Programs;

/// <summary>A block applied to the numbered variables of a part.</summary>
/// <param name="Block">What is done.</param>
/// <param name="Inputs">What it reads.</param>
/// <param name="Outputs">The variables that it sets; each is set once.</param>
public sealed record PartStep(Block Block, IReadOnlyList<PartOperand> Inputs, IReadOnlyList<int> Outputs);
