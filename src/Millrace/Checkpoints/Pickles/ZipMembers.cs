using System.Buffers.Binary;
using System.Text;

namespace Millrace.Checkpoints.Pickles;

/// <summary>
/// The members of a zip archive that are stored as they are, by name (APPNOTE.TXT 6.3: end of central directory, its 64-bit form,
/// central directory). Compressed and encrypted members are refused, so that no archive holds more than its own size.
/// </summary>
internal sealed class ZipMembers
{
    private const uint EndMark = 0x06054b50, End64Mark = 0x06064b50, Locator64Mark = 0x07064b50, EntryMark = 0x02014b50, LocalMark = 0x04034b50;
    private const int EndLength = 22, Locator64Length = 20, End64Length = 56, EntryLength = 46, LocalLength = 30, LongestComment = 65535;
    private const int LargestDirectory = 64 << 20;
    private const ushort Extra64 = 1, Encrypted = 1;

    private readonly Dictionary<string, (long Header, long Size)> _members = new(StringComparer.Ordinal);
    private readonly MappedBytes _bytes;
    private readonly string _path;

    /// <exception cref="InvalidDataException">Where the directory is broken, or a member is not stored as it is.</exception>
    public ZipMembers(MappedBytes bytes, string path)
    {
        (_bytes, _path) = (bytes, path);
        (long start, long size) = Directory();
        if (size > LargestDirectory || start < 0 || size < 0 || start > bytes.Length - size)
        {
            throw Invalid($"its directory of {size} bytes at {start} is not within the file, or above {LargestDirectory} bytes");
        }

        ReadEntries(Read(start, (int)size));
    }

    public IEnumerable<string> Names => _members.Keys;

    public bool Contains(string name) => _members.ContainsKey(name);

    /// <summary>Where the bytes of a member are.</summary>
    /// <exception cref="InvalidDataException">Where there is no such member, or it is not within the file.</exception>
    public (long Start, long Size) Locate(string name)
    {
        if (!_members.TryGetValue(name, out (long Header, long Size) member))
        {
            throw Invalid($"it has no member '{name}'");
        }

        if (member.Header < 0 || member.Header > _bytes.Length - LocalLength)
        {
            throw Invalid($"its member '{name}' is not within the file");
        }

        byte[] header = Read(member.Header, LocalLength);
        long start = member.Header + LocalLength + Short(header, 26) + Short(header, 28);
        return Word(header, 0) == LocalMark && member.Size >= 0 && start <= _bytes.Length - member.Size
            ? (start, member.Size)
            : throw Invalid($"its member '{name}' is not within the file");
    }

    /// <summary>All bytes of a member.</summary>
    /// <exception cref="InvalidDataException">Where there is no such member, or it is longer than <paramref name="most"/>.</exception>
    public byte[] ReadAll(string name, int most)
    {
        (long start, long size) = Locate(name);
        return size <= most ? Read(start, (int)size) : throw Invalid($"its member '{name}' has {size} bytes, {most} is the limit");
    }

    private (long Start, long Size) Directory()
    {
        int tailLength = (int)Math.Min(_bytes.Length, EndLength + LongestComment);
        byte[] tail = Read(_bytes.Length - tailLength, tailLength);
        for (int end = tailLength - EndLength; end >= 0; end--)
        {
            if (Word(tail, end) == EndMark && Short(tail, end + 20) == tailLength - end - EndLength)
            {
                (uint start, uint size) = (Word(tail, end + 16), Word(tail, end + 12));
                bool fits = start != uint.MaxValue && size != uint.MaxValue && Short(tail, end + 10) != ushort.MaxValue;
                return fits ? (start, size) : Directory64(_bytes.Length - tailLength + end - Locator64Length);
            }
        }

        throw Invalid("it has no directory at its end: the file is truncated");
    }

    private (long Start, long Size) Directory64(long locatorAt)
    {
        byte[] locator = locatorAt >= 0 ? Read(locatorAt, Locator64Length) : [];
        if (locator.Length > 0 && Word(locator, 0) == Locator64Mark)
        {
            long at = (long)Long(locator, 8);
            byte[] end = at >= 0 && at <= _bytes.Length - End64Length ? Read(at, End64Length) : [];
            if (end.Length > 0 && Word(end, 0) == End64Mark)
            {
                return ((long)Long(end, 48), (long)Long(end, 40));
            }
        }

        throw Invalid("its directory names a 64-bit form that is not there");
    }

    private void ReadEntries(byte[] directory)
    {
        for (int at = 0; at < directory.Length;)
        {
            int nameLength = at <= directory.Length - EntryLength && Word(directory, at) == EntryMark ? Short(directory, at + 28) : throw Invalid("its directory is broken");
            int extraLength = Short(directory, at + 30), next = at + EntryLength + nameLength + extraLength + Short(directory, at + 32);
            if (next > directory.Length)
            {
                throw Invalid("its directory is broken");
            }

            string name = Encoding.UTF8.GetString(directory, at + EntryLength, nameLength);
            if (Short(directory, at + 10) != 0 || (Short(directory, at + 8) & Encrypted) != 0)
            {
                throw Invalid($"its member '{name}' is compressed or encrypted; what torch.save writes is neither");
            }

            long size = Word(directory, at + 24), header = Word(directory, at + 42);
            Widen(directory.AsSpan(at + EntryLength + nameLength, extraLength), ref size, ref header);
            if (!_members.TryAdd(name, (header, size)))
            {
                throw Invalid($"its member '{name}' occurs twice");
            }

            at = next;
        }
    }

    /// <summary>Sizes that do not fit into 32 bits stand in an extra field: the size, the packed size, the place, each only where it is wanted.</summary>
    private static void Widen(ReadOnlySpan<byte> extra, ref long size, ref long header)
    {
        while (extra.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
            {
                return;
            }

            ReadOnlySpan<byte> field = extra.Slice(4, length);
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == Extra64)
            {
                if (size == uint.MaxValue && field.Length >= 16)
                {
                    size = BinaryPrimitives.ReadInt64LittleEndian(field);
                    field = field[16..];
                }

                header = header == uint.MaxValue && field.Length >= 8 ? BinaryPrimitives.ReadInt64LittleEndian(field) : header;
            }

            extra = extra[(4 + length)..];
        }
    }

    private byte[] Read(long position, int count)
    {
        var read = new byte[count];
        if (count > 0)
        {
            _bytes.CopyTo(position, read);
        }

        return read;
    }

    private static ushort Short(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong Long(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private InvalidDataException Invalid(string reason) => new($"'{_path}' is not a valid archive of torch.save: {reason}.");
}
