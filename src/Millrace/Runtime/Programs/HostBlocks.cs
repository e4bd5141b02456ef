namespace Millrace.Runtime.Programs;

/// <summary>The arithmetic of loops, which the host does.</summary>
internal static class HostBlocks
{
    /// <summary>The number itself.</summary>
    public static Block Is { get; } = new("is", values => [values[0]]) { OnHost = true };

    /// <summary>One more.</summary>
    public static Block Next { get; } = new("next", values => [values[0].Whole + 1]) { OnHost = true };

    /// <summary>Whether the first is below the second.</summary>
    public static Block IsBelow { get; } = new("is below", values => [values[0].Whole < values[1].Whole]) { OnHost = true };

    /// <summary>One more, and an error beyond a limit.</summary>
    public static Block CountUpTo(int limit, string program) => new(
        $"count up to {limit}",
        values => values[0].Whole < limit
            ? [values[0].Whole + 1]
            : throw new ProgramException($"A while loop of program '{program}' took more than its {limit} rounds; give it a larger limit, or a condition that ends it."))
    {
        OnHost = true,
        IsPure = false,
    };
}
