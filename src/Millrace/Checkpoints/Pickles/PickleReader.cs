using System.Buffers.Binary;
using System.Text;

namespace Millrace.Checkpoints.Pickles;

/// <summary>
/// The stack machine of pickles (Python's <c>pickletools</c>, protocols 2 to 5), without what runs code: it makes numbers, texts,
/// lists, tuples and dictionaries, and leaves globals, calls and persistent ids to <see cref="PickleGlobals"/>. Nothing here
/// calls itself, so that depth costs no stack; values are counted, so that a small file makes no large heap.
/// </summary>
internal sealed class PickleReader(byte[] pickle, PickleGlobals globals, string path)
{
    private const int MostValues = 2_000_000, NewestProtocol = 5;

    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _position;
    private int _values;

    /// <summary>Runs the whole pickle.</summary>
    /// <returns>What it holds.</returns>
    /// <exception cref="InvalidDataException">Where it is broken, or asks for what is not allowed.</exception>
    public object? Read()
    {
        while (true)
        {
            int at = _position;
            byte code = Bytes(1)[0];
            if (code == (byte)'.')
            {
                return Pop();
            }

            if (!Container(code) && !Scalar(code) && !Memo(code) && !Object(code))
            {
                throw Invalid($"byte {at} is 0x{code:x2}, which is no instruction that weights need");
            }
        }
    }

    private bool Scalar(byte code)
    {
        switch (code)
        {
            case (byte)'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case (byte)'K': Push((long)Bytes(1)[0]); return true;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); return true;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); return true;
            case 0x8a: Push(Long(Bytes(1)[0])); return true;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); return true;
            case 0x8c: Push(Text(Bytes(1)[0])); return true;
            case (byte)'X': Push(Text(Length(4))); return true;
            case 0x8d: Push(Text(Length(8))); return true;
            case (byte)'U': Push(Encoding.Latin1.GetString(Bytes(Bytes(1)[0]))); return true;
            case (byte)'T': Push(Encoding.Latin1.GetString(Bytes(Length(4)))); return true;
            case (byte)'C': Push(Bytes(Bytes(1)[0]).ToArray()); return true;
            case (byte)'B': Push(Bytes(Length(4)).ToArray()); return true;
            case 0x8e: Push(Bytes(Length(8)).ToArray()); return true;
            default: return false;
        }
    }

    private bool Container(byte code)
    {
        switch (code)
        {
            case (byte)'(': _marks.Push(_stack.Count); Count(); return true;
            case (byte)']': Push(new List<object?>()); return true;
            case (byte)'l': Push(new List<object?>(PopToMark())); return true;
            case (byte)'a': Append([Pop()]); return true;
            case (byte)'e': Append(PopToMark()); return true;
            case (byte)')': Push(Array.Empty<object?>()); return true;
            case (byte)'t': Push(PopToMark()); return true;
            case 0x85: Push(PopMany(1)); return true;
            case 0x86: Push(PopMany(2)); return true;
            case 0x87: Push(PopMany(3)); return true;
            case (byte)'}': Push(new PickleDictionary()); return true;
            case (byte)'d': Put(new PickleDictionary(), PopToMark(), push: true); return true;
            case (byte)'s': object?[] item = PopMany(2); Put(Top(), item, push: false); return true;
            case (byte)'u': object?[] items = PopToMark(); Put(Top(), items, push: false); return true;
            case (byte)'0': _ = Pop(); return true;
            case (byte)'1': _ = PopToMark(); return true;
            case (byte)'2': Push(Top()); return true;
            default: return false;
        }
    }

    private bool Memo(byte code)
    {
        switch (code)
        {
            case (byte)'q': _memo[Bytes(1)[0]] = Top(); return true;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Top(); return true;
            case 0x94: _memo[_memo.Count] = Top(); return true;
            case (byte)'h': Push(Remembered(Bytes(1)[0])); return true;
            case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); return true;
            default: return false;
        }
    }

    private bool Object(byte code)
    {
        switch (code)
        {
            case 0x80:
                int protocol = Bytes(1)[0];
                return protocol <= NewestProtocol ? true : throw Invalid($"it is of protocol {protocol}, {NewestProtocol} is the newest known");
            case 0x95: _ = Bytes(8); return true;
            case (byte)'c': Push(globals.Find(Line(), Line())); return true;
            case 0x93:
                object?[] names = PopMany(2);
                Push(names is [string module, string name] ? globals.Find(module, name) : throw Invalid("a global has no name"));
                return true;
            case (byte)'R':
                object?[] call = PopMany(2);
                Push(globals.Call(call[0], call[1] as object?[] ?? throw Invalid("a call has no arguments")));
                return true;
            case (byte)'Q': Push(globals.Storage(Pop())); return true;
            case (byte)'b':
                _ = Pop(); // Attributes that Python hangs on a dictionary of weights: versions of its modules.
                return Top() is PickleDictionary ? true : throw Invalid("attributes are set on something other than a dictionary");
            default: return false;
        }
    }

    private void Push(object? value)
    {
        Count();
        _stack.Add(value);
    }

    private void Count()
    {
        if (++_values > MostValues)
        {
            throw Invalid($"it holds more than {MostValues} values");
        }
    }

    private object? Top() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private object? Pop()
    {
        object? top = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopMany(int count) => _stack.Count - count >= Floor ? PopFrom(_stack.Count - count) : throw Underflow();

    private object?[] PopToMark() => _marks.TryPop(out int mark) ? PopFrom(mark) : throw Underflow();

    private object?[] PopFrom(int start)
    {
        object?[] items = [.. _stack.Skip(start)];
        _stack.RemoveRange(start, items.Length);
        return items;
    }

    private void Append(object?[] items)
    {
        List<object?> list = Top() as List<object?> ?? throw Invalid("something is appended to what is no list");
        list.AddRange(items);
    }

    private void Put(object? target, object?[] items, bool push)
    {
        if (target is not PickleDictionary dictionary || items.Length % 2 != 0)
        {
            throw Invalid("items are put into what is no dictionary, or a key has no value");
        }

        for (int index = 0; index < items.Length; index += 2)
        {
            dictionary.Items.Add(new(items[index], items[index + 1]));
        }

        if (push)
        {
            Push(dictionary);
        }
    }

    private object? Remembered(long index) => _memo.TryGetValue(index, out object? value) ? value : throw Invalid($"it recalls value {index}, which it never stored");

    private long Long(int length)
    {
        ReadOnlySpan<byte> bytes = length <= 8 ? Bytes(length) : throw Invalid("it holds a whole number of more than 64 bits");
        long value = length > 0 && bytes[^1] >= 0x80 ? -1 : 0;
        for (int index = length - 1; index >= 0; index--)
        {
            value = (value << 8) | bytes[index];
        }

        return value;
    }

    private long Length(int bytes) => bytes == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)) : BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    private string Text(long length) => Encoding.UTF8.GetString(Bytes(length));

    private string Line()
    {
        int end = Array.IndexOf(pickle, (byte)'\n', _position);
        string line = Encoding.UTF8.GetString(Bytes(end >= 0 ? end - _position : long.MaxValue));
        _position++;
        return line;
    }

    private ReadOnlySpan<byte> Bytes(long count)
    {
        if (count < 0 || count > pickle.Length - _position)
        {
            throw Invalid($"it ends within a value at byte {_position}");
        }

        ReadOnlySpan<byte> bytes = pickle.AsSpan(_position, (int)count);
        _position += (int)count;
        return bytes;
    }

    private InvalidDataException Underflow() => Invalid($"it takes a value at byte {_position} that is not there");

    private InvalidDataException Invalid(string reason) => new($"'{path}' holds no pickle of weights: {reason}.");
}
