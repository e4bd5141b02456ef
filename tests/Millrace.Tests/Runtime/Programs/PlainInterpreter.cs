using Millrace.Runtime.Programs;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Programs;

/// <summary>The referee: walks the tree of a program for one row, with a dictionary and nothing else.</summary>
internal sealed class PlainInterpreter
{
    private readonly Dictionary<string, Value> _values = [];
    private Value[]? _results;

    /// <summary>What a program gives, in the dispose scope of the caller.</summary>
    public static Value[] Run(TensorProgram program, params Value[] inputs)
    {
        var run = new PlainInterpreter();
        foreach ((string name, Value input) in program.Inputs.Zip(inputs))
        {
            run._values[name] = input;
        }

        run.Go(program.Body);
        return run._results!;
    }

    /// <summary>What it gives row by row, put together.</summary>
    public static Tensor[] RunRows(TensorProgram program, params Tensor[] inputs)
    {
        Value[][] rows = [.. Enumerable.Range(0, (int)inputs[0].shape[0]).Select(row => Run(program, [.. inputs.Select(input => (Value)input.narrow(0, row, 1))]))];
        return [.. rows[0].Select((_, index) => cat([.. rows.Select(row => row[index].Tensor)], 0))];
    }

    private enum Flow
    {
        On,
        Break,
        Return,
    }

    private Flow Go(IReadOnlyList<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            if (Go(statement) is not Flow.On and var flow)
            {
                return flow;
            }
        }

        return Flow.On;
    }

    private Flow Go(Statement statement)
    {
        switch (statement)
        {
            case Statement.Apply apply:
                foreach ((string name, Value value) in apply.Outputs.Zip(apply.Block.Run([.. apply.Inputs.Select(Read)])))
                {
                    _values[name] = value;
                }

                return Flow.On;
            case Statement.If choice:
                return Go(Ask(choice.Condition) ? choice.Then : choice.Else);
            case Statement.While loop:
                while (Ask(loop.Condition))
                {
                    if (Go(loop.Body) is not Flow.On and var left)
                    {
                        return left == Flow.Break ? Flow.On : left;
                    }
                }

                return Flow.On;
            case Statement.For loop:
                for (long round = 0, count = Read(loop.Count).Whole; round < count; round++)
                {
                    _values[loop.Counter] = round;
                    if (Go(loop.Body) is not Flow.On and var left)
                    {
                        return left == Flow.Break ? Flow.On : left;
                    }
                }

                return Flow.On;
            case Statement.Return end:
                _results = [.. end.Results.Select(Read)];
                return Flow.Return;
            default:
                return Flow.Break;
        }
    }

    private bool Ask(Condition condition)
    {
        Value value = condition.Block is null ? Read(condition.Inputs[0]) : condition.Block.Run([.. condition.Inputs.Select(Read)])[0];
        return value.Kind == ValueKind.Tensor ? value.Tensor.item<bool>() : value.Truth;
    }

    private Value Read(Operand operand) => operand.Name is { } name ? _values[name] : operand.Constant;
}
