namespace Millrace.Imaging;

/// <summary>The compression of GIF pictures with 256 colours: LZW with codes of 9 to 12 bits, in blocks of at most 255 bytes.</summary>
/// <remarks>GIF89a specification (CompuServe 1990), appendix F.</remarks>
internal static class LzwEncoder
{
    private const int Clear = 256;
    private const int End = 257;
    private const int LargestTable = 4096;

    public static void Write(Stream file, ReadOnlySpan<byte> indices)
    {
        var output = new List<byte>();
        uint pending = 0;
        int pendingBits = 0, codeBits = 9;
        void Put(int code)
        {
            pending |= (uint)code << pendingBits;
            for (pendingBits += codeBits; pendingBits >= 8; pendingBits -= 8)
            {
                output.Add((byte)pending);
                pending >>= 8;
            }
        }

        var table = new Dictionary<(int Prefix, byte Next), int>();
        int nextCode = End + 1;
        Put(Clear);
        int prefix = indices[0];
        foreach (byte index in indices[1..])
        {
            if (table.TryGetValue((prefix, index), out int code))
            {
                prefix = code;
                continue;
            }

            Put(prefix);
            if (nextCode < LargestTable)
            {
                // The decoder learns a code one step later, so its codes widen when the table is one past a power of two.
                codeBits += nextCode == 1 << codeBits ? 1 : 0;
                table.Add((prefix, index), nextCode++);
            }
            else
            {
                Put(Clear);
                table.Clear();
                (nextCode, codeBits) = (End + 1, 9);
            }

            prefix = index;
        }

        Put(prefix);
        codeBits += nextCode == 1 << codeBits && codeBits < 12 ? 1 : 0;
        Put(End);
        if (pendingBits > 0)
        {
            output.Add((byte)pending);
        }

        file.WriteByte(8);
        foreach (byte[] block in output.Chunk(255))
        {
            file.WriteByte((byte)block.Length);
            file.Write(block);
        }

        file.WriteByte(0);
    }
}
