using Millrace.Runtime.Programs.Backends;

namespace Millrace.Runtime.Programs;

/// <summary>How a program is compiled and run.</summary>
public sealed record ProgramOptions
{
    private readonly int _unroll = 4, _variants = 8;

    /// <summary>What compiles the parts.</summary>
    public IPartBackend Backend { get; init; } = new EagerBackend();

    /// <summary>What happens where rows disagree.</summary>
    public BatchPolicy Policy { get; init; } = BatchPolicy.One;

    /// <summary>Which optimizations.</summary>
    public ProgramPasses Passes { get; init; } = ProgramPasses.All;

    /// <summary>Loops of a known number of rounds up to this one are unrolled; 0 to 64.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside.</exception>
    public int Unroll
    {
        get => _unroll;
        init => _unroll = value is >= 0 and <= 64 ? value : throw new ArgumentOutOfRangeException(nameof(Unroll), value, "The loops to unroll have 0 to 64 rounds.");
    }

    /// <summary>How often one part is compiled anew, for other shapes or whole numbers, before it runs uncompiled; 1 to 1024.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside.</exception>
    public int Variants
    {
        get => _variants;
        init => _variants = value is >= 1 and <= 1024 ? value : throw new ArgumentOutOfRangeException(nameof(Variants), value, "A part has 1 to 1024 variants.");
    }

    /// <summary>Told the number of each node that a call enters, for traces and the coverage of ways.</summary>
    public Action<int>? Entered { get; init; }

    /// <summary>Whether a While must have a limit.</summary>
    public bool RequireLoopLimits { get; init; } = true;

    /// <summary>Whether a part that the back-end cannot compile is an error; else it runs uncompiled, and the report says why.</summary>
    public bool RequireCompiled { get; init; }
}
