namespace Millrace.Runtime.Programs;

/// <summary>
/// Marks a method of a partial class whose way depends on its input - if, while, for, break and return over tensors and numbers -
/// for Millrace.Compiler: it writes the parts without branches, their description for back-ends, and the host that joins them.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DynamicNetworkAttribute : Attribute
{
    /// <summary>The most rounds of each while loop; 0 for none, which a method with a while loop must not have.</summary>
    public int MaxIterations { get; init; }
}
