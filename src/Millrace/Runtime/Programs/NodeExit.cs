namespace Millrace.Runtime.Programs;

/// <summary>How the control leaves a node.</summary>
public abstract record NodeExit
{
    private NodeExit()
    {
    }

    /// <summary>Nodes that may come next.</summary>
    public virtual IReadOnlyList<int> Next => [];

    /// <summary>What it reads.</summary>
    internal virtual IReadOnlyList<Operand> Reads => [];

    /// <summary>The same with other nodes to go to.</summary>
    internal abstract NodeExit Redirect(Func<int, int> target);

    /// <summary>Goes on.</summary>
    /// <param name="To">There.</param>
    public sealed record Jump(int To) : NodeExit
    {
        /// <inheritdoc/>
        public override IReadOnlyList<int> Next => [To];

        internal override NodeExit Redirect(Func<int, int> target) => new Jump(target(To));
    }

    /// <summary>Asks.</summary>
    /// <param name="Condition">What.</param>
    /// <param name="WhenTrue">Where to then.</param>
    /// <param name="WhenFalse">Where to else.</param>
    public sealed record Branch(Operand Condition, int WhenTrue, int WhenFalse) : NodeExit
    {
        /// <inheritdoc/>
        public override IReadOnlyList<int> Next => [WhenTrue, WhenFalse];

        internal override IReadOnlyList<Operand> Reads => [Condition];

        internal override NodeExit Redirect(Func<int, int> target) => new Branch(Condition, target(WhenTrue), target(WhenFalse));
    }

    /// <summary>Ends the program.</summary>
    /// <param name="Results">What it gives.</param>
    public sealed record Return(IReadOnlyList<Operand> Results) : NodeExit
    {
        internal override IReadOnlyList<Operand> Reads => Results;

        internal override NodeExit Redirect(Func<int, int> target) => this;
    }
}
