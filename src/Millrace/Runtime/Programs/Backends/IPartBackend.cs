namespace Millrace.Runtime.Programs.Backends;

/// <summary>Turns parts into something that runs. The host holds what it gives and asks anew where a key differs.</summary>
public interface IPartBackend
{
    /// <summary>Name, for reports.</summary>
    string Name { get; }

    /// <summary>What a compiled part is good for: one for every call, one for each set of whole numbers, or one for each shape.</summary>
    PartKeyKind Key { get; }

    /// <summary>Compiles a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="example">Inputs of the call that needs it.</param>
    /// <exception cref="PartNotCompiledException">Where it cannot.</exception>
    ICompiledPart Compile(Part part, IReadOnlyList<Value> example);
}
