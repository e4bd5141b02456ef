namespace Millrace.Runtime.Programs.Backends;

/// <summary>How much of its inputs a compiled part depends on.</summary>
public enum PartKeyKind
{
    /// <summary>One serves every call.</summary>
    Part,

    /// <summary>The whole numbers of the host.</summary>
    Numbers,

    /// <summary>The whole numbers, and shape, type and device of every tensor.</summary>
    Shapes,
}
