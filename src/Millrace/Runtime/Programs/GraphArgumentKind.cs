namespace Millrace.Runtime.Programs;

/// <summary>What a <see cref="GraphArgument"/> is.</summary>
public enum GraphArgumentKind
{
    /// <summary>Left out.</summary>
    None,

    /// <summary>A value of the graph.</summary>
    Value,

    /// <summary>Several values of the graph.</summary>
    Values,

    /// <summary>A tensor that the graph holds.</summary>
    Weight,

    /// <summary>A real number.</summary>
    Real,

    /// <summary>A whole number.</summary>
    Whole,

    /// <summary>A truth value.</summary>
    Truth,

    /// <summary>Several whole numbers.</summary>
    Wholes,
}
