namespace Millrace.Runtime.Programs;

/// <summary>A step of a program.</summary>
public abstract record Statement
{
    private Statement()
    {
    }

    /// <summary>Runs a static function.</summary>
    /// <param name="Block">The function.</param>
    /// <param name="Inputs">What it reads.</param>
    /// <param name="Outputs">The variables that it sets.</param>
    public sealed record Apply(Block Block, IReadOnlyList<Operand> Inputs, IReadOnlyList<string> Outputs) : Statement;

    /// <summary>One of two ways.</summary>
    /// <param name="Condition">Which.</param>
    /// <param name="Then">Where it is true.</param>
    /// <param name="Else">Where it is not.</param>
    public sealed record If(Condition Condition, IReadOnlyList<Statement> Then, IReadOnlyList<Statement> Else) : Statement;

    /// <summary>Repeats as long as a condition is true.</summary>
    /// <param name="Condition">Asked before each round.</param>
    /// <param name="Body">The round.</param>
    public sealed record While(Condition Condition, IReadOnlyList<Statement> Body) : Statement
    {
        /// <summary>The most rounds; one more is an error. Null for no limit, which <see cref="ProgramOptions.RequireLoopLimits"/> refuses.</summary>
        public int? Limit { get; init; }
    }

    /// <summary>Repeats a number of times.</summary>
    /// <param name="Counter">Variable that counts from 0.</param>
    /// <param name="Count">How often; read once, before the first round.</param>
    /// <param name="Body">The round.</param>
    public sealed record For(string Counter, Operand Count, IReadOnlyList<Statement> Body) : Statement;

    /// <summary>Leaves the innermost loop.</summary>
    public sealed record Break : Statement;

    /// <summary>Ends the program.</summary>
    /// <param name="Results">What it gives.</param>
    public sealed record Return(IReadOnlyList<Operand> Results) : Statement;
}
