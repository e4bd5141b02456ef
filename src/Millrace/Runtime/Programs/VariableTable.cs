namespace Millrace.Runtime.Programs;

/// <summary>
/// The values of a call. A tensor that the table made its own it disposes when nobody wants it any more; others are the caller's. What
/// one object is under two names it holds twice, as an alias.
/// </summary>
/// <param name="count">How many variables.</param>
/// <param name="peak">The most tensors held before, where it takes over.</param>
internal sealed class VariableTable(int count, int peak = 0)
{
    private readonly Value[] _values = new Value[count];
    private readonly bool[] _owned = new bool[count];
    private int _held;

    /// <summary>The most tensors that it has held.</summary>
    public int Peak { get; private set; } = peak;

    public Value this[int variable] => _values[variable];

    public void Store(int variable, Value value, bool owned)
    {
        Drop(variable);
        bool isTensor = value.Kind == ValueKind.Tensor;
        (_values[variable], _owned[variable]) = (value, owned && isTensor);
        _held += isTensor ? 1 : 0;
        Peak = Math.Max(Peak, _held);
    }

    /// <summary>A value to give away: itself where it is the table's own, which it then is no more, else an alias.</summary>
    public Value GiveAway(int variable)
    {
        Value value = _values[variable];
        bool own = _owned[variable];
        _owned[variable] = false;
        return own || value.Kind != ValueKind.Tensor ? value : value.Tensor.alias();
    }

    /// <summary>Drops what is not wanted.</summary>
    public void Keep(bool[] wanted)
    {
        for (int variable = 0; variable < _values.Length; variable++)
        {
            if (!wanted[variable])
            {
                Drop(variable);
            }
        }
    }

    private void Drop(int variable)
    {
        _held -= _values[variable].Kind == ValueKind.Tensor ? 1 : 0;
        if (_owned[variable])
        {
            _values[variable].Tensor.Dispose();
        }

        (_values[variable], _owned[variable]) = (default, false);
    }
}
