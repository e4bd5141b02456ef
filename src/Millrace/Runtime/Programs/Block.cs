namespace Millrace.Runtime.Programs;

/// <summary>
/// A static function over values: whatever the input, it takes the same way. What it makes it leaves in the dispose scope of the
/// caller. Two uses of one block object are one code with one set of weights.
/// </summary>
/// <param name="name">Name, for messages and reports.</param>
/// <param name="run">The function, inputs to outputs, in the order in which an <see cref="Operation"/> names them.</param>
public sealed class Block(string name, Func<Value[], Value[]> run)
{
    /// <summary>Name, for messages and reports.</summary>
    public string Name { get; } = name;

    /// <summary>The function itself.</summary>
    public Func<Value[], Value[]> Run { get; } = run;

    /// <summary>Whether the host runs it because all it gives are numbers; such a block is not compiled.</summary>
    public bool OnHost { get; init; }

    /// <summary>
    /// Whether it depends on its inputs alone and changes nothing. One that draws from a generator, which it was given when it was
    /// made, is not pure: it runs exactly where it stands, never earlier, and also where nobody reads its outputs.
    /// </summary>
    public bool IsPure { get; init; } = true;

    /// <summary>The same function as a graph of operators, for back-ends that compile; null where there is none.</summary>
    public Func<PartGraph, GraphArgument[], GraphArgument[]>? Describe { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
