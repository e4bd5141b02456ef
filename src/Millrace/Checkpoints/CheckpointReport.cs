using Millrace.Checkpoints.Pickles;
using Millrace.Checkpoints.SingleFiles;

namespace Millrace.Checkpoints;

/// <summary>A network of a file or a folder at a glance.</summary>
/// <param name="Name">Name of its folder; <c>rest</c> for what no network takes, <c>weights</c> where there is but one.</param>
/// <param name="Parameters">Numbers in its weights.</param>
/// <param name="Bytes">Their size in the files.</param>
/// <param name="Precisions">Their types by the names of safetensors, the commonest first.</param>
public sealed record CheckpointPart(string Name, long Parameters, long Bytes, IReadOnlyList<string> Precisions);

/// <summary>What a file or a folder of weights holds, told without reading a single weight.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Family">The same in words.</param>
/// <param name="Form">Single file or folder, safetensors or pickle.</param>
/// <param name="Parts">Its networks.</param>
public sealed record CheckpointReport(string Path, CheckpointKind Kind, string Family, string Form, IReadOnlyList<CheckpointPart> Parts)
{
    /// <summary>Numbers in all weights that a network takes.</summary>
    public long Parameters => Parts.Where(part => part.Name != Rest).Sum(part => part.Parameters);

    /// <summary>Size of all weights in the files.</summary>
    public long Bytes => Parts.Sum(part => part.Bytes);

    /// <summary>Memory that the weights take, in bytes, at so many bytes a number.</summary>
    public long Memory(int bytesPerParameter) => Parameters * bytesPerParameter;

    private const string Rest = "rest", Alone = "weights";

    /// <summary>Looks at a file or a folder.</summary>
    /// <exception cref="FileNotFoundException">Where there is none.</exception>
    /// <exception cref="InvalidDataException">Where it is broken, or holds no weights.</exception>
    public static CheckpointReport Of(string path) =>
        File.Exists(path) ? OfFile(path)
        : Directory.Exists(path) ? OfFolder(path)
        : throw new FileNotFoundException($"There is neither a file nor a folder '{path}'.", path);

    private static CheckpointReport OfFile(string path)
    {
        using var file = TensorFile.Open(path);
        CheckpointKind kind = CheckpointKinds.Of(new NameSet(path, file.Entries));
        string form = file is PickleFile ? "single file, pickle" : "single file, safetensors";
        if (SingleFileFamilies.All.All(family => family.Kind != kind))
        {
            return new CheckpointReport(path, kind, CheckpointKinds.Describe(kind), form, [Part(Alone, file.Entries)]);
        }

        using var single = SingleFile.Of(file);
        List<CheckpointPart> parts = [.. single.Parts.Select(part => Part(part.Form.Folder, part.Tensors.Entries))];
        if (single.Rest.Count > 0)
        {
            parts.Add(Part(Rest, single.Rest));
        }

        return new CheckpointReport(path, kind, CheckpointKinds.Describe(kind), form, parts);
    }

    private static CheckpointReport OfFolder(string path)
    {
        string[] files = [.. new[] { "*.safetensors", "*.bin" }.SelectMany(pattern => Directory.GetFiles(path, pattern, SearchOption.AllDirectories)).Order(StringComparer.Ordinal)];
        var parts = new List<CheckpointPart>();
        foreach (IGrouping<string, string> part in files.GroupBy(file => System.IO.Path.GetRelativePath(path, System.IO.Path.GetDirectoryName(file)!)))
        {
            List<TensorFile> open = [];
            try
            {
                open.AddRange(part.Select(TensorFile.Open));
                bool rest = part.Key == "." && part.All(file => System.IO.Path.GetFileName(file) == FolderModel.RestFile);
                parts.Add(Part(rest ? Rest : part.Key == "." ? Alone : part.Key, [.. open.SelectMany(file => file.Entries)]));
            }
            finally
            {
                open.ForEach(file => file.Dispose());
            }
        }

        if (parts.Count == 0)
        {
            throw new InvalidDataException($"'{path}' holds no weights: no file of it ends in .safetensors or .bin.");
        }

        CheckpointKind kind = FolderModel.KindOf(path);
        return kind == CheckpointKind.Unknown && files.Length == 1
            ? OfFile(files[0]) with { Path = path, Form = "folder" }
            : new CheckpointReport(path, kind, kind == CheckpointKind.OtherModel ? ModelIndex.Read(path).Pipeline ?? CheckpointKinds.Describe(kind) : CheckpointKinds.Describe(kind), "folder", parts);
    }

    private static CheckpointPart Part(string name, IReadOnlyCollection<TensorEntry> entries) => new(
        name, entries.Sum(entry => entry.Count), entries.Sum(entry => entry.ByteCount),
        [.. entries.GroupBy(entry => entry.StoredType).OrderByDescending(group => group.Sum(entry => entry.Count)).Select(group => group.Key)]);
}
