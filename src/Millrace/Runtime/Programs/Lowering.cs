namespace Millrace.Runtime.Programs;

/// <summary>
/// From the tree to the graph. A condition becomes a last output of the node before it, loops become ways back, and short loops of
/// a known number of rounds are written out.
/// </summary>
internal sealed class Lowering
{
    private readonly TensorProgram _program;
    private readonly ProgramOptions _options;
    private readonly List<Draft> _drafts = [];
    private Draft? _open;
    private int _names;

    private Lowering(TensorProgram program, ProgramOptions options) => (_program, _options) = (program, options);

    /// <summary>Lowers a program.</summary>
    /// <exception cref="ProgramException">A loop without a limit, a break outside of a loop, a way that ends without a return.</exception>
    public static ControlFlowGraph Lower(TensorProgram program, ProgramOptions options) => new Lowering(program, options).Graph();

    private ControlFlowGraph Graph()
    {
        Draft entry = Begin();
        _open = entry;
        Lower(_program.Body, leave: null);
        if (_open is not null)
        {
            throw new ProgramException($"Program '{_program.Name}' ends without a return on a way {After(_open)}; every way ends with one.");
        }

        var nodes = _drafts.ToDictionary(draft => draft.Id, draft => new ProgramNode(draft.Operations, draft.Exit ?? new NodeExit.Jump(draft.Id)));
        return new ControlFlowGraph(_program, entry.Id, nodes).With(nodes);
    }

    private void Lower(IReadOnlyList<Statement> statements, Draft? leave)
    {
        foreach (Statement statement in statements.TakeWhile(_ => _open is not null))
        {
            switch (statement)
            {
                case Statement.Apply apply:
                    Emit(new Operation(apply.Block, apply.Inputs, apply.Outputs));
                    break;
                case Statement.If choice:
                    Lower(choice, leave);
                    break;
                case Statement.While loop:
                    Lower(loop);
                    break;
                case Statement.For { Count.Name: null } loop when loop.Count.Constant.Whole <= _options.Unroll:
                    Unroll(loop);
                    break;
                case Statement.For loop:
                    Lower(loop);
                    break;
                case Statement.Break:
                    Close(new NodeExit.Jump((leave ?? throw new ProgramException(
                        $"Program '{_program.Name}' has a break {After(_open!)} outside of a loop; a break leaves the innermost loop.")).Id));
                    break;
                case Statement.Return end:
                    Close(new NodeExit.Return(end.Results));
                    break;
            }
        }
    }

    private void Lower(Statement.If choice, Draft? leave)
    {
        Draft then = Begin(), otherwise = Begin(), join = Begin();
        Close(new NodeExit.Branch(Ask(choice.Condition), then.Id, otherwise.Id));
        bool reached = false;
        foreach ((Draft side, IReadOnlyList<Statement> body) in new[] { (then, choice.Then), (otherwise, choice.Else) })
        {
            _open = side;
            Lower(body, leave);
            reached |= _open is not null;
            Close(new NodeExit.Jump(join.Id));
        }

        _open = reached ? join : null;
    }

    private void Lower(Statement.While loop)
    {
        string? rounds = null;
        if (loop.Limit is not null)
        {
            rounds = Name("rounds");
            Emit(new Operation(HostBlocks.Is, [0], [rounds]));
        }
        else if (_options.RequireLoopLimits)
        {
            throw new ProgramException($"Program '{_program.Name}' has a while loop {After(_open!)} without a limit; give it the most rounds that it may take.");
        }

        Draft header = Begin(), body = Begin(), end = Begin();
        Close(new NodeExit.Jump(header.Id));
        _open = header;
        Close(new NodeExit.Branch(Ask(loop.Condition), body.Id, end.Id));
        _open = body;
        if (rounds is not null)
        {
            Emit(new Operation(HostBlocks.CountUpTo(loop.Limit!.Value, _program.Name), [rounds], [rounds]));
        }

        Lower(loop.Body, end);
        Close(new NodeExit.Jump(header.Id));
        _open = end;
    }

    private void Lower(Statement.For loop)
    {
        string count = Name("count"), more = Name("more");
        Emit(new Operation(HostBlocks.Is, [loop.Count], [count]));
        Emit(new Operation(HostBlocks.Is, [0], [loop.Counter]));
        Draft header = Begin(), body = Begin(), end = Begin();
        Close(new NodeExit.Jump(header.Id));
        _open = header;
        Emit(new Operation(HostBlocks.IsBelow, [loop.Counter, count], [more]));
        Close(new NodeExit.Branch(more, body.Id, end.Id));
        _open = body;
        Lower(loop.Body, end);
        if (_open is not null)
        {
            Emit(new Operation(HostBlocks.Next, [loop.Counter], [loop.Counter]));
        }

        Close(new NodeExit.Jump(header.Id));
        _open = end;
    }

    private void Unroll(Statement.For loop)
    {
        Draft end = Begin();
        for (long round = 0; round < loop.Count.Constant.Whole && _open is not null; round++)
        {
            Emit(new Operation(HostBlocks.Is, [round], [loop.Counter]));
            Lower(loop.Body, end);
        }

        Close(new NodeExit.Jump(end.Id));
        _open = end;
    }

    private Operand Ask(Condition condition)
    {
        if (condition.Block is null)
        {
            return condition.Inputs[0];
        }

        string answer = Name("asks");
        Emit(new Operation(condition.Block, condition.Inputs, [answer]));
        return answer;
    }

    private void Emit(Operation operation)
    {
        if (_open!.Operations.Count > 0 && _open.Operations[0].Block.OnHost != operation.Block.OnHost)
        {
            Draft next = Begin();
            Close(new NodeExit.Jump(next.Id));
            _open = next;
        }

        _open.Operations.Add(operation);
    }

    private Draft Begin()
    {
        var draft = new Draft(_drafts.Count);
        _drafts.Add(draft);
        return draft;
    }

    private void Close(NodeExit exit)
    {
        if (_open is not null)
        {
            _open.Exit = exit;
            _open = null;
        }
    }

    private string Name(string of) => $"{of}.{_names++}";

    private static string After(Draft draft) => draft.Operations.Count > 0 ? $"after '{draft.Operations[^1].Block}'" : "at its beginning or where ways meet";

    private sealed class Draft(int id)
    {
        public int Id { get; } = id;

        public List<Operation> Operations { get; } = [];

        public NodeExit? Exit { get; set; }
    }
}
