namespace Millrace.Runtime.Programs;

/// <summary>What happens where the rows of a batch want different ways.</summary>
public enum BatchPolicy
{
    /// <summary>A batch is one row.</summary>
    One,

    /// <summary>The rows are parted by the condition, each part goes its way, and both come together where the ways do.</summary>
    Group,

    /// <summary>All rows must want the same way.</summary>
    All,
}
