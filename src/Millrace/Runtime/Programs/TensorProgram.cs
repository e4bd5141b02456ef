namespace Millrace.Runtime.Programs;

/// <summary>
/// A network whose way depends on its input, as a tree of statements over named values (DyCL, arXiv 2307.04963; the representation
/// is ours).
/// </summary>
/// <param name="Name">Name, for messages.</param>
/// <param name="Inputs">Variables that a call sets.</param>
/// <param name="Body">What is done.</param>
public sealed record TensorProgram(string Name, IReadOnlyList<string> Inputs, IReadOnlyList<Statement> Body)
{
    /// <summary>Variables that outlive a call, as a feature cache does: what one call leaves in them the next one finds.</summary>
    public IReadOnlyList<string> Kept { get; init; } = [];
}
