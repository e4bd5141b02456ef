using System.Buffers.Binary;
using System.IO.Compression;

namespace Millrace.Training.Data;

/// <summary>The IDX format of MNIST: a magic number, sizes, bytes; plain or gzip.</summary>
internal static class IdxFile
{
    private const int Most = 1 << 30;

    /// <summary>Whether a file is one, by its name.</summary>
    public static bool Is(string name) => name.Contains("-idx", StringComparison.OrdinalIgnoreCase) || name.Contains(".idx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Sizes and bytes.</summary>
    /// <exception cref="InvalidDataException">Where the file is no whole IDX file of bytes.</exception>
    public static (int[] Sizes, byte[] Values) Read(StoredFile file)
    {
        byte[] bytes = Unpacked(file);
        if (bytes.Length < 4 || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] is 0 or > 4 || bytes.Length < 4 + (4 * bytes[3]))
        {
            throw new InvalidDataException($"'{file.Name}' is no IDX file of bytes.");
        }

        int[] sizes = [.. Enumerable.Range(0, bytes[3]).Select(index => BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 + (4 * index))))];
        int start = 4 + (4 * sizes.Length);
        long count = sizes.Aggregate(1L, (product, size) => size >= 0 && product <= Most ? product * size : long.MaxValue / 4);
        return count == bytes.Length - start
            ? (sizes, bytes[start..])
            : throw new InvalidDataException($"'{file.Name}' claims {string.Join(" x ", sizes)} values, and holds {bytes.Length - start}.");
    }

    private static byte[] Unpacked(StoredFile file)
    {
        byte[] bytes = file.Read();
        if (bytes is not [0x1f, 0x8b, ..])
        {
            return bytes;
        }

        try
        {
            using var unpacked = new MemoryStream();
            using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            gzip.CopyTo(unpacked);
            return unpacked.ToArray();
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"'{file.Name}' is a damaged gzip file: {error.Message}", error);
        }
    }
}
