namespace Millrace.Runtime.Programs;

/// <summary>The graph optimizations; each leaves the results as they are.</summary>
[Flags]
public enum ProgramPasses
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>A node and its only successor become one where it is that one's only predecessor.</summary>
    Merge = 1,

    /// <summary>What a loop computes anew in each round, always the same, is computed once before it.</summary>
    Hoist = 2,

    /// <summary>Conditions that are known beforehand are decided, and what is then never reached goes.</summary>
    Fold = 4,

    /// <summary>Parts of the same code and the same weights are compiled once.</summary>
    Share = 8,

    /// <summary>What nobody reads is not computed.</summary>
    DropDead = 16,

    /// <summary>A small node where ways meet is copied into each of them, for larger static parts.</summary>
    DuplicateTails = 32,

    /// <summary>All.</summary>
    All = Merge | Hoist | Fold | Share | DropDead | DuplicateTails,
}
