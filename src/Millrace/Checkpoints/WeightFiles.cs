using System.Text.Json.Serialization;
using Millrace.Files;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>The files that hold the weights of one part of a model: a single one, or shards that an index names.</summary>
internal sealed class WeightFiles : IDisposable
{
    /// <summary>Name of the weights of the parts that diffusers writes.</summary>
    public const string Diffusers = "diffusion_pytorch_model";

    /// <summary>Name of the weights of the parts that transformers writes.</summary>
    public const string Transformers = "model";

    private const string Extension = ".safetensors", PickleExtension = ".bin";

    // Second names of a tensor, and one that only training reads.
    private static readonly HashSet<string> Copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "time_proj.W", "caption_projection.y_embedding"];

    private readonly IReadOnlyList<TensorFile> _files;

    private WeightFiles(IReadOnlyList<TensorFile> files) => _files = files;

    /// <summary>Opens the weights of a folder; those of full precision come before those of half precision.</summary>
    /// <param name="folder">Where they are.</param>
    /// <param name="names">Names that the file may have, without its extension.</param>
    /// <exception cref="InvalidDataException">Where there are none, or a file or the index is not what it should be.</exception>
    public static WeightFiles Open(string folder, params string[] names)
    {
        foreach ((string name, string variant) in names.SelectMany(_ => new[] { "", ".fp16", ".bf16" }, (name, variant) => (name, variant)))
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

        // Older folders hold pickles only; those of transformers have a name of their own.
        string pickle = Path.Combine(folder, (names[0] == Transformers ? "pytorch_model" : names[0]) + PickleExtension);
        return File.Exists(pickle)
            ? new WeightFiles([TensorFile.Open(pickle)])
            : throw new InvalidDataException(
                $"'{folder}' holds no weights: it must hold {names[0]}{Extension}, {names[0]}.fp16{Extension}, {names[0]}{Extension}.index.json or {Path.GetFileName(pickle)}; files of other formats are not read.");
    }

    /// <summary>The weights that a file holds.</summary>
    public static WeightFiles Of(TensorFile file) => new([file]);

    /// <summary>Every tensor, by its name of today.</summary>
    /// <exception cref="InvalidDataException">Where one is there twice.</exception>
    public IReadOnlyDictionary<string, (TensorFile File, TensorEntry Entry)> Tensors()
    {
        var tensors = new Dictionary<string, (TensorFile File, TensorEntry Entry)>(StringComparer.Ordinal);
        foreach ((TensorFile file, TensorEntry entry) in _files.SelectMany(file => file.Entries, (file, entry) => (file, entry)))
        {
            if (!tensors.TryAdd(NewName(entry.Name), (file, entry)))
            {
                throw new InvalidDataException($"'{file.Path}': tensor '{entry.Name}' is there twice.");
            }
        }

        return tensors;
    }

    /// <summary>Checks that the weights are those of a network, which may be one without memory.</summary>
    /// <exception cref="InvalidDataException">Where they are not.</exception>
    public void CheckFit(Module network) => _ = StateDictLoader.Check(network, _files, CurrentName);

    /// <summary>Puts the weights into a network.</summary>
    /// <param name="network">Where to.</param>
    /// <param name="held">Which of its tensors the files hold; null for all.</param>
    /// <exception cref="InvalidDataException">Where they are not of this network.</exception>
    public void LoadInto(Module network, Func<string, bool>? held = null) => StateDictLoader.Load(network, _files, CurrentName, held);

    public void Dispose()
    {
        foreach (TensorFile file in _files)
        {
            file.Dispose();
        }
    }

    private static List<SafetensorsFile> OpenShards(string index)
    {
        const string Content = "one JSON object with a weight_map of tensor to file";
        Dictionary<string, string> map = JsonFile.Read<Index>(index, Content).WeightMap ?? throw new InvalidDataException($"{index}: the file must hold {Content}.");
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

    /// <summary>Older files hold the numbers of the positions as if they were weights.</summary>
    private static string? CurrentName(string name) => name.EndsWith(".position_ids", StringComparison.Ordinal) || Copies.Contains(name) ? null : NewName(name);

    /// <summary>Older files name the autoencoder's attention otherwise.</summary>
    private static string NewName(string name) => name.Replace(".query.", ".to_q.", StringComparison.Ordinal)
        .Replace(".key.", ".to_k.", StringComparison.Ordinal)
        .Replace(".value.", ".to_v.", StringComparison.Ordinal)
        .Replace(".proj_attn.", ".to_out.0.", StringComparison.Ordinal);

    private sealed record Index([property: JsonPropertyName("weight_map")] Dictionary<string, string>? WeightMap);
}
