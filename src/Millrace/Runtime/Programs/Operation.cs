namespace Millrace.Runtime.Programs;

/// <summary>A block applied to variables.</summary>
/// <param name="Block">What is done.</param>
/// <param name="Inputs">What it reads, in its order.</param>
/// <param name="Outputs">The variables that it sets, in its order.</param>
public sealed record Operation(Block Block, IReadOnlyList<Operand> Inputs, IReadOnlyList<string> Outputs)
{
    /// <summary>The variables that it reads.</summary>
    public IEnumerable<string> Reads => Inputs.Where(input => input.Name is not null).Select(input => input.Name!);

    /// <inheritdoc/>
    public override string ToString() => $"{string.Join(", ", Outputs)} = {Block}({string.Join(", ", Inputs)})";
}
