using System.Buffers.Binary;
using System.Text;

namespace Millrace.Imaging;

/// <summary>The chunks of a PNG file: length, type, data, check sum.</summary>
/// <remarks>PNG (Third Edition), W3C 2025, section 5.</remarks>
internal static class PngChunks
{
    private static readonly uint[] CrcTable = [.. Enumerable.Range(0, 256).Select(index =>
    {
        uint value = (uint)index;
        for (int bit = 0; bit < 8; bit++)
        {
            value = (value & 1) != 0 ? 0xedb88320 ^ (value >> 1) : value >> 1;
        }

        return value;
    })];

    public static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>The chunks of a file; the data is not copied.</summary>
    /// <exception cref="InvalidDataException">Where a chunk is cut off.</exception>
    public static IEnumerable<(string Type, ReadOnlyMemory<byte> Data)> Read(ReadOnlyMemory<byte> file, string path)
    {
        int position = Signature.Length;
        while (position < file.Length)
        {
            if (file.Length - position < 12 || BinaryPrimitives.ReadUInt32BigEndian(file.Span[position..]) is var length && length > file.Length - position - 12)
            {
                throw new InvalidDataException($"'{path}' is a truncated PNG: a chunk at byte {position} is cut off.");
            }

            string type = Encoding.Latin1.GetString(file.Span.Slice(position + 4, 4));
            yield return (type, file.Slice(position + 8, (int)length));
            position += 12 + (int)length;
            if (type == "IEND")
            {
                yield break;
            }
        }

        throw new InvalidDataException($"'{path}' is a truncated PNG: its end is missing.");
    }

    public static void Write(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(word, (uint)data.Length);
        stream.Write(word);
        byte[] name = Encoding.Latin1.GetBytes(type);
        stream.Write(name);
        stream.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, ~Update(Update(uint.MaxValue, name), data));
        stream.Write(word);
    }

    private static uint Update(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (byte value in data)
        {
            crc = CrcTable[(crc ^ value) & 0xff] ^ (crc >> 8);
        }

        return crc;
    }
}
