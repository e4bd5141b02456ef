namespace Millrace.Runtime.Programs;

/// <summary>What a <see cref="Value"/> is.</summary>
public enum ValueKind
{
    /// <summary>Nothing yet.</summary>
    Unset,

    /// <summary>A tensor.</summary>
    Tensor,

    /// <summary>A real number that the host knows.</summary>
    Real,

    /// <summary>A whole number or a truth value that the host knows.</summary>
    Whole,
}
