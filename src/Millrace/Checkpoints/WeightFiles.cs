using System.Text.Json.Serialization;

namespace Millrace.Checkpoints;

/// <summary>The safetensors files that hold the weights of one part of a model: a single one, or shards that an index names.</summary>
internal sealed class WeightFiles : IDisposable
{
    private const string Extension = ".safetensors";

    private WeightFiles(IReadOnlyList<SafetensorsFile> files) => Files = files;

    public IReadOnlyList<SafetensorsFile> Files { get; }

    /// <summary>Opens the weights of a folder; those of full precision come before those of half precision.</summary>
    /// <param name="folder">Where they are.</param>
    /// <param name="name">Name of the file without its extension.</param>
    /// <exception cref="InvalidDataException">Where there are none, or a file or the index is not what it should be.</exception>
    public static WeightFiles Open(string folder, string name)
    {
        foreach (string variant in new[] { "", ".fp16", ".bf16" })
        {
            string single = Path.Combine(folder, $"{name}{variant}{Extension}");
            if (File.Exists(single))
            {
                return new WeightFiles([SafetensorsFile.Open(single)]);
            }

            string index = Path.Combine(folder, $"{name}{Extension}.index{variant}.json");
            if (File.Exists(index))
            {
                return new WeightFiles(OpenShards(index));
            }
        }

        throw new InvalidDataException(
            $"'{folder}' holds no weights: it must hold {name}{Extension}, {name}.fp16{Extension} or {name}{Extension}.index.json; files of other formats are not read.");
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in Files)
        {
            file.Dispose();
        }
    }

    private static List<SafetensorsFile> OpenShards(string index)
    {
        const string Content = "one JSON object with a weight_map of tensor to file";
        Dictionary<string, string> map = JsonFile.Read<Index>(index, Content).WeightMap ?? throw new InvalidDataException($"{index} must hold {Content}.");
        var files = new List<SafetensorsFile>();
        try
        {
            foreach (IGrouping<string, string> shard in map.GroupBy(entry => ShardPath(index, entry.Value), entry => entry.Key))
            {
                SafetensorsFile file = SafetensorsFile.Open(shard.Key);
                files.Add(file);
                if (shard.FirstOrDefault(tensor => !file.Contains(tensor)) is { } lacking)
                {
                    throw new InvalidDataException($"{index}: tensor '{lacking}' is not in '{Path.GetFileName(file.Path)}', as the index says.");
                }
            }

            return files;
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <summary>A shard lies beside its index: a name that leads elsewhere is refused.</summary>
    private static string ShardPath(string index, string name)
    {
        bool plain = name is not null && name.EndsWith(Extension, StringComparison.Ordinal) && name.IndexOfAny(['/', '\\', ':', '\0']) < 0;
        return plain
            ? Path.Combine(Path.GetDirectoryName(index)!, name!)
            : throw new InvalidDataException($"{index}: the shard '{name}' must be the plain name of a {Extension} file beside the index.");
    }

    private sealed record Index([property: JsonPropertyName("weight_map")] Dictionary<string, string>? WeightMap);
}
