using System.Formats.Tar;
using System.IO.Compression;

namespace Millrace.Training.Data;

/// <summary>A file of a folder or of a tar archive, read into memory.</summary>
/// <param name="Name">Its name below the folder or in the archive, with slashes.</param>
/// <param name="Read">Its bytes.</param>
/// <param name="Shard">The archive that it stands in; empty for a file of a folder.</param>
internal sealed record StoredFile(string Name, Func<byte[]> Read, string Shard = "")
{
    private const long LargestFile = 1L << 30;

    /// <summary>All files below a folder, archives opened, or of an archive; in an order of their own, the same everywhere.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such path.</exception>
    /// <exception cref="InvalidDataException">Where an archive is damaged.</exception>
    public static IReadOnlyList<StoredFile> All(string path)
    {
        IEnumerable<StoredFile> found = Directory.Exists(path)
            ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).SelectMany(file => IsArchive(file) ? Archive(file) : [OnDisk(path, file)])
            : !File.Exists(path) ? throw new FileNotFoundException($"There is no file or folder '{path}'.", path)
            : IsArchive(path) ? Archive(path)
            : [OnDisk(Path.GetDirectoryName(Path.GetFullPath(path))!, path)];
        return [.. found.OrderBy(file => file.Name, StringComparer.Ordinal).ThenBy(file => file.Shard, StringComparer.Ordinal)];
    }

    private static bool IsArchive(string path) =>
        new[] { ".tar", ".tar.gz", ".tgz" }.Any(end => path.EndsWith(end, StringComparison.OrdinalIgnoreCase));

    private static StoredFile OnDisk(string root, string file) => new(
        Path.GetRelativePath(root, file).Replace('\\', '/'),
        () => new FileInfo(file).Length <= LargestFile ? File.ReadAllBytes(file) : throw new InvalidDataException($"it has more than {LargestFile} bytes"));

    private static List<StoredFile> Archive(string path)
    {
        var files = new List<StoredFile>();
        try
        {
            using FileStream file = File.OpenRead(path);
            using Stream bytes = path.EndsWith("z", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var archive = new TarReader(bytes);
            while (archive.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
                {
                    byte[] content = Content(entry);
                    files.Add(new StoredFile(entry.Name, () => content, path));
                }
            }
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is a damaged or truncated tar archive: {error.Message}", error);
        }

        return files;
    }

    private static byte[] Content(TarEntry entry)
    {
        if (entry.Length > LargestFile)
        {
            throw new InvalidDataException($"'{entry.Name}' has more than {LargestFile} bytes");
        }

        using var bytes = new MemoryStream();
        (entry.DataStream ?? Stream.Null).CopyTo(bytes); // an empty file has no stream
        return bytes.ToArray();
    }
}
