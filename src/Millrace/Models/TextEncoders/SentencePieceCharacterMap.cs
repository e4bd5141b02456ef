using System.Buffers.Binary;
using System.Text;

namespace Millrace.Models.TextEncoders;

/// <summary>The replacements that SentencePiece makes in a text before it is cut: a double-array trie over UTF-8 bytes, and the strings that its leaves point to.</summary>
internal sealed class SentencePieceCharacterMap
{
    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    /// <param name="blob">Length of the trie in bytes, the trie, the strings, each ended by a zero.</param>
    /// <exception cref="InvalidDataException">Where the blob is cut off.</exception>
    public SentencePieceCharacterMap(ReadOnlySpan<byte> blob)
    {
        uint size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : uint.MaxValue;
        if (size > blob.Length - 4 || size % 4 != 0 || size == 0)
        {
            throw new InvalidDataException("The character map of the tokenizer is cut off.");
        }

        ReadOnlySpan<byte> trie = blob.Slice(4, (int)size);
        _trie = new uint[trie.Length / 4];
        for (int index = 0; index < _trie.Length; index++)
        {
            _trie[index] = BinaryPrimitives.ReadUInt32LittleEndian(trie[(4 * index)..]);
        }

        _replacements = blob[(4 + (int)size)..].ToArray();
    }

    /// <summary>The text with the longest known sequence at each place replaced.</summary>
    public string Apply(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using var result = new MemoryStream(bytes.Length);
        for (int start = 0; start < bytes.Length;)
        {
            if (Longest(bytes.AsSpan(start)) is var (length, value) && length > 0 && value < _replacements.Length)
            {
                int end = Array.IndexOf(_replacements, (byte)0, value);
                result.Write(_replacements, value, (end < 0 ? _replacements.Length : end) - value);
                start += length;
                continue;
            }

            Rune.DecodeFromUtf8(bytes.AsSpan(start), out _, out int character);
            result.Write(bytes, start, character);
            start += character;
        }

        return Encoding.UTF8.GetString(result.ToArray());
    }

    private (int Length, int Value) Longest(ReadOnlySpan<byte> text)
    {
        (int length, int value) = (0, 0);
        uint node = Offset(_trie[0]);
        for (int index = 0; index < text.Length; index++)
        {
            node ^= text[index];
            if (node >= _trie.Length || (_trie[node] & 0x800000FF) != text[index])
            {
                break;
            }

            uint unit = _trie[node];
            node ^= Offset(unit);
            if ((unit & 0x100) != 0 && node < _trie.Length)
            {
                (length, value) = (index + 1, (int)(_trie[node] & 0x7FFFFFFF));
            }
        }

        return (length, value);
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
