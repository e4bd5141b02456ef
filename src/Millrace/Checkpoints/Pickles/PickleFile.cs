using System.Globalization;
using static TorchSharp.torch;

namespace Millrace.Checkpoints.Pickles;

/// <summary>
/// What <c>torch.save</c> writes (<c>.ckpt</c>, <c>.pth</c>, <c>.pt</c>, <c>.bin</c>): a zip archive of a pickle and of the tensors' memory,
/// which is mapped. The pickle can make tensors, numbers, texts, lists and dictionaries; whatever else it asks for is refused by name,
/// and nothing of it runs. The form without an archive, of PyTorch before 1.6, is refused.
/// </summary>
public sealed class PickleFile : TensorFile
{
    private const int LongestPickle = 64 << 20, MostEntries = 1_000_000, DeepestNesting = 8;
    private const string PickleName = "data.pkl", ByteOrderName = "byteorder", LittleEndian = "little", Weights = "state_dict";

    private static readonly byte[] ArchiveMark = "PK\u0003\u0004"u8.ToArray();

    private readonly MappedBytes _bytes;
    private readonly Dictionary<string, PickleEntry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private PickleFile(string path, MappedBytes bytes)
    {
        (Path, _bytes) = (path, bytes);
        var members = new ZipMembers(bytes, path);
        string name = members.Names.Where(IsPickle).MinBy(member => member.Length) ?? throw Invalid($"it has no member {PickleName}");
        string folder = name[..^PickleName.Length];
        if (members.Contains(folder + ByteOrderName) && !members.ReadAll(folder + ByteOrderName, 64).AsSpan().SequenceEqual("little"u8))
        {
            throw Invalid($"its byte order is not {LittleEndian}");
        }

        object? root = new PickleReader(members.ReadAll(name, LongestPickle), new PickleGlobals(members, folder, path), path).Read();
        Collect(root as PickleDictionary ?? throw Invalid("it holds something other than a dictionary of tensors"));
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<TensorEntry> Entries => _entries.Values;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file and reads its pickle; the tensors stay where they are.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is not a valid archive, or its pickle asks for more than tensors and plain values; one sentence that names it.</exception>
    public static new PickleFile Open(string path)
    {
        FileStream stream = File.OpenRead(path);
        Span<byte> mark = stackalloc byte[ArchiveMark.Length];
        bool archive = stream.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false) == mark.Length && mark.SequenceEqual(ArchiveMark);
        if (!archive)
        {
            stream.Dispose();
            throw new InvalidDataException($"'{path}' is not an archive of torch.save; the form of PyTorch before 1.6, without an archive, is not read: load it there and save it again.");
        }

        var bytes = new MappedBytes(stream);
        try
        {
            return new PickleFile(path, bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>Whether the first bytes of a file are those of an archive, or of a pickle without one.</summary>
    internal static bool IsOne(string path)
    {
        const byte Protocol = 0x80;
        using FileStream stream = File.OpenRead(path);
        Span<byte> start = stackalloc byte[8];
        int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);

        // A safetensors file begins with the length of its header, which is below 2^27: its upper bytes are zero.
        return start[..read].StartsWith(ArchiveMark) || (read > 1 && start[0] == Protocol && start[1] is >= 2 and <= 5 && (read < 8 || start[4..].ContainsAnyExcept((byte)0)));
    }

    private protected override TensorEntry? Find(string name) => _entries.GetValueOrDefault(name);

    private protected override void Release() => _bytes.Dispose();

    private protected override void Fill(TensorEntry entry, long first, Tensor flat)
    {
        PickleTensor tensor = ((PickleEntry)entry).Tensor;
        int size = SafetensorsHeader.SizeOf(entry.Type);
        if (tensor.IsContiguous)
        {
            _bytes.CopyTo(tensor.Storage.Start + ((tensor.First + first) * size), flat);
            return;
        }

        using var scope = NewDisposeScope();
        Tensor storage = empty([tensor.Storage.Count], dtype: entry.Type);
        _bytes.CopyTo(tensor.Storage.Start, storage);
        Tensor rows = storage.as_strided([.. tensor.Shape], [.. tensor.Strides], tensor.First).reshape(-1);
        _ = flat.copy_(rows.narrow(0, first, flat.numel()));
    }

    private static bool IsPickle(string member) => member == PickleName || member.EndsWith("/" + PickleName, StringComparison.Ordinal);

    /// <summary>The tensors: those of <c>state_dict</c> where there is one, else all, dictionaries within joined by dots. What is no tensor tells of the file.</summary>
    private void Collect(PickleDictionary root)
    {
        Dictionary<string, object?> named = root.ByName();
        foreach ((string name, object? value) in named)
        {
            if (value is string or long or double or bool)
            {
                _metadata[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            }
        }

        int visited = 0;
        Collect(named.GetValueOrDefault(Weights) as PickleDictionary ?? root, "", 0, ref visited);
    }

    private void Collect(PickleDictionary dictionary, string prefix, int depth, ref int visited)
    {
        foreach ((string name, object? value) in dictionary.ByName())
        {
            if (++visited > MostEntries)
            {
                throw Invalid($"it holds more than {MostEntries} entries");
            }

            if (value is PickleTensor tensor)
            {
                var entry = new PickleEntry(prefix + name, tensor);
                if (!_entries.TryAdd(entry.Name, entry))
                {
                    throw Invalid($"tensor '{entry.Name}' occurs twice");
                }
            }
            else if (value is PickleDictionary inner && depth < DeepestNesting)
            {
                Collect(inner, $"{prefix}{name}.", depth + 1, ref visited);
            }
        }
    }

    private InvalidDataException Invalid(string reason) => new($"'{Path}' is not a valid archive of torch.save: {reason}.");

    private sealed record PickleEntry(string Name, PickleTensor Tensor) : TensorEntry(Name, Tensor.Storage.Type, Tensor.Shape);
}
