using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>The rows of a batch in two groups, and the order in which both together are the batch again.</summary>
internal sealed class RowSplit
{
    private readonly Tensor[] _rows;
    private readonly Tensor _order;
    private readonly string _program;
    private readonly long _count;

    /// <param name="truth">One element a row: those that are true are group 0.</param>
    /// <param name="program">Name, for messages.</param>
    public RowSplit(Tensor truth, string program)
    {
        _program = program;
        _count = truth.numel();
        Tensor first = truth.flatten().to(ScalarType.Bool);
        _rows = [first.nonzero().flatten(), first.logical_not().nonzero().flatten()];
        _order = cat(_rows, 0).argsort();
    }

    /// <summary>The wanted variables of a table with the rows of a group alone. Numbers and tensors without axes are the same for all rows.</summary>
    public VariableTable Take(VariableTable table, bool[] wanted, int group, string[] names)
    {
        var taken = new VariableTable(names.Length);
        foreach (int variable in wanted.Index().Where(one => one.Item).Select(one => one.Index))
        {
            Value value = table[variable];
            if (value.HasRows)
            {
                if (value.Tensor.shape[0] != _count)
                {
                    throw new ProgramException(
                        $"Variable '{names[variable]}' of program '{_program}' has {value.Tensor.shape[0]} rows where its batch has {_count}; policy {BatchPolicy.Group} wants a row a sample, or no axes at all.");
                }

                taken.Store(variable, value.Tensor.index_select(0, _rows[group]), owned: true);
            }
            else
            {
                taken.Store(variable, value, owned: false);
            }
        }

        return taken;
    }

    /// <summary>Some variables of both groups together.</summary>
    public VariableTable Merge(VariableTable[] sides, IEnumerable<int> wanted, string[] names, int peak)
    {
        var merged = new VariableTable(names.Length, peak);
        foreach (int variable in wanted)
        {
            merged.Store(variable, Join(sides[0][variable], sides[1][variable], $"variable '{names[variable]}'"), owned: true);
        }

        return merged;
    }

    /// <summary>A value of both groups in the order of the batch.</summary>
    public Value Join(Value first, Value second, string what)
    {
        if (first.HasRows && second.HasRows)
        {
            return cat([first.Tensor, second.Tensor], 0).index_select(0, _order);
        }

        return first.IsSame(second)
            ? first.Kind == ValueKind.Tensor ? (Value)first.Tensor.alias() : first
            : throw new ProgramException($"Two groups of rows left {what} of program '{_program}' with different numbers, {first} and {second}; give it a row a sample.");
    }
}
