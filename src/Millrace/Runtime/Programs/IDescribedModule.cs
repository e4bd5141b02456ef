namespace Millrace.Runtime.Programs;

/// <summary>A module that says which operators it is, so that parts which call it can be compiled.</summary>
public interface IDescribedModule
{
    /// <summary>Adds the operators of its forward pass, in evaluation and in the precision of its weights.</summary>
    /// <param name="graph">Gets them.</param>
    /// <param name="inputs">The inputs of the pass.</param>
    GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs);
}
