using Millrace.Runtime.Programs.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>
/// The host of a program: it calls the compiled parts, reads the conditions, and goes where they say (DyCL, arXiv 2307.04963). It holds
/// what the program keeps from call to call; a call at a time.
/// </summary>
/// <remarks>Gradients are not recorded: the parts are compiled for inference.</remarks>
public sealed class CompiledProgram : IDisposable
{
    private const int AtEnd = -1;

    private readonly ProgramOptions _options;
    private readonly IReadOnlyDictionary<int, HostNode> _nodes;
    private readonly IReadOnlyList<PartVariants> _parts;
    private readonly int[] _inputs, _kept;
    private readonly string[] _names;
    private readonly Value[] _memory;
    private readonly bool[] _liveAtEntry;

    private CompiledProgram(ControlFlowGraph graph, ProgramOptions options)
    {
        (Graph, _options) = (graph, options);
        var host = new HostBuilder(graph, options);
        (_nodes, _parts, _names, _inputs, _kept) = (host.Nodes, host.Parts, [.. host.Names], host.Inputs, host.Kept);
        _memory = new Value[_kept.Length];
        (_liveAtEntry, LargestLiveSet) = (host.LiveAtEntry, host.LargestLiveSet);
    }

    /// <summary>The graph after the passes.</summary>
    public ControlFlowGraph Graph { get; }

    /// <summary>What became of each part; complete once every way was gone.</summary>
    public IReadOnlyList<PartReport> Report => [.. _parts.Select(part => new PartReport(
        part.Part.Name, part.Part.OnHost ? "host" : part.Count > 0 ? _options.Backend.Name : "eager", part.Count, part.Uncompiled, _nodes.Values.Count(node => node.Part == part)))];

    /// <summary>The most variables that any node has before it, or sets, and that are wanted.</summary>
    public int LargestLiveSet { get; }

    /// <summary>The most tensors that the last call held between parts.</summary>
    public int PeakHeld { get; private set; }

    /// <summary>Compiles a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ProgramException">Where it is not one: an unset variable on some way, a loop without limit, a way without return.</exception>
    public static CompiledProgram Compile(TensorProgram program, ProgramOptions options)
    {
        ControlFlowGraph graph = Lowering.Lower(program, options);
        DefiniteAssignment.Check(graph);
        return new CompiledProgram(PassPipeline.Run(graph, options.Passes), options);
    }

    /// <summary>Runs it.</summary>
    /// <param name="inputs">In the order of the program; they stay the caller's.</param>
    /// <returns>What it gives, in the dispose scope of the caller.</returns>
    /// <exception cref="ProgramException">For other inputs than the program has, rows that disagree where the policy does not allow it, a loop beyond its limit.</exception>
    public Value[] Run(params Value[] inputs)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        VariableTable table = Begin(inputs);
        Value[] results = RunFrom(Graph.Entry, AtEnd, ref table)!;
        PeakHeld = table.Peak;
        Remember(table);
        foreach (Value result in results.Where(result => result.Kind == ValueKind.Tensor))
        {
            result.Tensor.MoveToOuterDisposeScope();
        }

        return results;
    }

    /// <summary>Forgets what was kept from call to call.</summary>
    public void Forget()
    {
        foreach (Value value in _memory.Where(value => value.Kind == ValueKind.Tensor))
        {
            value.Tensor.Dispose();
        }

        Array.Clear(_memory);
    }

    /// <summary>Frees the compiled parts and what is kept.</summary>
    public void Dispose()
    {
        Forget();
        foreach (PartVariants part in _parts)
        {
            part.Dispose();
        }
    }

    private VariableTable Begin(Value[] inputs)
    {
        if (inputs.Length != _inputs.Length)
        {
            throw new ProgramException($"Program '{Graph.Program.Name}' takes {_inputs.Length} inputs ({string.Join(", ", Graph.Program.Inputs)}), and was given {inputs.Length}.");
        }

        var table = new VariableTable(_names.Length);
        foreach ((int index, Value input) in inputs.Index())
        {
            if (_options.Policy == BatchPolicy.One && input.HasRows && input.Tensor.shape[0] != 1)
            {
                throw new ProgramException(
                    $"Input '{_names[_inputs[index]]}' of program '{Graph.Program.Name}' has {input.Tensor.shape[0]} rows; policy {BatchPolicy.One} takes one, {BatchPolicy.Group} and {BatchPolicy.All} take more.");
            }

            table.Store(_inputs[index], input, owned: false);
        }

        foreach ((int index, int variable) in _kept.Index())
        {
            table.Store(variable, _memory[index], owned: false);
        }

        table.Keep(_liveAtEntry);
        return table;
    }

    /// <summary>Runs nodes until one is reached, or the end: then gives the results.</summary>
    private Value[]? RunFrom(int id, int until, ref VariableTable table)
    {
        while (id != until)
        {
            _options.Entered?.Invoke(id);
            HostNode node = _nodes[id];
            Call(node, table);
            switch (node.Exit)
            {
                case NodeExit.Return:
                    return Give(node.Results, table);
                case NodeExit.Jump jump:
                    id = jump.To;
                    break;
                case NodeExit.Branch branch:
                    Value asked = node.Condition.IsConstant ? node.Condition.Constant : Read(node.Condition.Variable, table);
                    if (Decide(asked, node) is { } truth)
                    {
                        id = truth ? branch.WhenTrue : branch.WhenFalse;
                        break;
                    }

                    Value[]? results = GoApart(asked.Tensor, node, branch, ref table);
                    if (node.Join == AtEnd)
                    {
                        return results;
                    }

                    id = node.Join;
                    break;
            }

            table.Keep(node.Live[id]);
        }

        return null;
    }

    private void Call(HostNode node, VariableTable table)
    {
        if (node.Part is null)
        {
            return;
        }

        var inputs = new Value[node.Inputs.Length];
        for (int index = 0; index < inputs.Length; index++)
        {
            inputs[index] = Read(node.Inputs[index], table);
        }

        using DisposeScope scope = NewDisposeScope();
        Value[] outputs = node.Part.Run(inputs);
        for (int index = 0; index < outputs.Length; index++)
        {
            // What the part did not make, an input or a weight that it passes on, is not the table's to dispose.
            Value output = outputs[index];
            bool made = output.Kind != ValueKind.Tensor || scope.Contains(output.Tensor);
            Value held = made ? output : output.Tensor.alias();
            if (held.Kind == ValueKind.Tensor)
            {
                held.Tensor.MoveToOuterDisposeScope();
            }

            table.Store(node.Outputs[index], held, owned: true);
        }
    }

    private Value[] Give(PartOperand[] results, VariableTable table)
    {
        var given = new Value[results.Length];
        for (int index = 0; index < given.Length; index++)
        {
            given[index] = results[index].IsConstant ? results[index].Constant
                : Read(results[index].Variable, table) is var value && _kept.Contains(results[index].Variable) && value.Kind == ValueKind.Tensor ? value.Tensor.alias()
                : table.GiveAway(results[index].Variable);
        }

        return given;
    }

    private Value Read(int variable, VariableTable table) => table[variable] is { Kind: not ValueKind.Unset } value
        ? value
        : throw new ProgramException($"Program '{Graph.Program.Name}' reads '{_names[variable]}' where nothing was stored in it.");

    /// <summary>The way of all rows; null where they disagree and may.</summary>
    private bool? Decide(Value asked, HostNode node)
    {
        if (asked.Kind != ValueKind.Tensor)
        {
            return asked.Truth;
        }

        Tensor answer = asked.Tensor;
        if (answer.numel() == 1)
        {
            return answer.dtype == ScalarType.Bool ? answer.item<bool>() : answer.to(ScalarType.Bool).item<bool>();
        }

        string name = $"Condition '{node.Part?.Part.Steps[^1].Block.Name ?? _names[node.Condition.Variable]}' of program '{Graph.Program.Name}' has {answer.numel()} elements";
        if (_options.Policy == BatchPolicy.One)
        {
            throw new ProgramException($"{name}; policy {BatchPolicy.One} takes one.");
        }

        if (answer.numel() != answer.shape[0])
        {
            throw new ProgramException($"{name} in {answer.shape[0]} rows; a condition has one element a row.");
        }

        using Tensor truth = answer.to(ScalarType.Bool), all = truth.all(), any = truth.any();
        bool everyone = all.item<bool>();
        return everyone || !any.item<bool>()
            ? everyone
            : _options.Policy == BatchPolicy.Group ? null : throw new ProgramException($"{name} that disagree; policy {BatchPolicy.All} wants one way for all rows.");
    }

    /// <summary>Both ways with their own rows, up to where they meet.</summary>
    private Value[]? GoApart(Tensor truth, HostNode node, NodeExit.Branch branch, ref VariableTable table)
    {
        var split = new RowSplit(truth, Graph.Program.Name);
        var sides = new VariableTable[2];
        var results = new Value[]?[2];
        foreach ((int side, int next) in new[] { branch.WhenTrue, branch.WhenFalse }.Index())
        {
            sides[side] = split.Take(table, node.Live[next], side, _names);
            results[side] = RunFrom(next, node.Join, ref sides[side]);
        }

        int[] wanted = node.Join == AtEnd ? _kept : [.. node.Live[node.Join].Index().Where(variable => variable.Item).Select(variable => variable.Index)];
        VariableTable merged = split.Merge(sides, wanted, _names, Math.Max(table.Peak, sides.Sum(side => side.Peak)));
        table.Keep(new bool[_names.Length]);
        table = merged;
        return results[0] is null ? null : [.. results[0]!.Zip(results[1]!).Select(pair => split.Join(pair.First, pair.Second, "a result"))];
    }

    private void Remember(VariableTable table)
    {
        foreach ((int index, int variable) in _kept.Index())
        {
            Value value = table[variable];
            if (value.IsSame(_memory[index]))
            {
                continue;
            }

            if (_memory[index].Kind == ValueKind.Tensor)
            {
                _memory[index].Tensor.Dispose();
            }

            _memory[index] = value.Kind == ValueKind.Tensor ? (Value)value.Tensor.alias().DetachFromDisposeScope() : value;
        }
    }
}
