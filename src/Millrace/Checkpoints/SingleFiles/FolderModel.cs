namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A model folder of a family that is published as single files too.</summary>
internal sealed class FolderModel : IDisposable
{
    /// <summary>What no network of the folder takes, from the single file that the folder was made of.</summary>
    public const string RestFile = "single_file_rest.safetensors";

    private readonly List<(PartForm Form, WeightFiles Weights)> _parts = [];
    private readonly TensorFile? _rest;
    private readonly string _path;

    private FolderModel(string path)
    {
        _path = path;
        try
        {
            Family = FamilyOf(path);
            foreach (PartForm form in Family.Parts.Where(form => Directory.Exists(Path.Combine(path, form.Folder))))
            {
                _parts.Add((form, WeightFiles.Open(Path.Combine(path, form.Folder), form.Weights)));
            }

            string rest = Path.Combine(path, RestFile);
            _rest = File.Exists(rest) ? SafetensorsFile.Open(rest) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Which family.</summary>
    public SingleFileFamily Family { get; }

    /// <summary>Free text of the single file that the folder was made of.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _rest?.Metadata ?? new Dictionary<string, string>();

    /// <exception cref="InvalidDataException">Where the folder is of a family that has no single files, or a file is missing or broken.</exception>
    public static FolderModel Open(string path) => new(path);

    /// <summary>All tensors, in the names of a single file.</summary>
    /// <exception cref="InvalidDataException">Where one has no name there.</exception>
    public IReadOnlyList<TensorFile> Tensors()
    {
        var files = new List<TensorFile>();
        foreach ((PartForm form, WeightFiles weights) in _parts)
        {
            IReadOnlyDictionary<string, (TensorFile File, TensorEntry Entry)> tensors = weights.Tensors();
            string folder = Path.Combine(_path, form.Folder);
            NameMap map = form.OfFolder(new NameSet(folder, tensors.ToDictionary(tensor => tensor.Key, tensor => tensor.Value.Entry.Shape)));

            // A network alone is published without anything before its names, where the family knows that form.
            string prefix = _parts.Count == 1 ? form.Prefixes[^1] : form.Prefixes[0];
            files.Add(new MappedFile(folder, NameMapping.ToSingle(map, tensors, prefix)));
        }

        return _rest is null ? files : [.. files, _rest];
    }

    public void Dispose()
    {
        _parts.ForEach(part => part.Weights.Dispose());
        _rest?.Dispose();
    }

    private static SingleFileFamily FamilyOf(string path)
    {
        CheckpointKind kind = KindOf(path);
        return SingleFileFamilies.All.FirstOrDefault(family => family.Kind == kind)
            ?? throw new InvalidDataException($"'{path}' is no folder of a family that has single files: {string.Join(", ", SingleFileFamilies.All.Select(family => CheckpointKinds.Describe(family.Kind)))}.");
    }

    /// <summary>What kind of model a folder holds, told from names and shapes of its denoising network.</summary>
    public static CheckpointKind KindOf(string path)
    {
        string unet = Path.Combine(path, "unet"), transformer = Path.Combine(path, "transformer"), network = Directory.Exists(unet) ? unet : transformer;
        if (!Directory.Exists(network))
        {
            return CheckpointKind.Unknown;
        }

        using var weights = WeightFiles.Open(network, WeightFiles.Diffusers);
        var names = new NameSet(network, weights.Tensors().ToDictionary(tensor => tensor.Key, tensor => tensor.Value.Entry.Shape));
        const string Projection = "mid_block.attentions.0.proj_in.weight";
        return names.HasAny("single_transformer_blocks.") ? names.HasAny("time_text_embed.guidance_embedder.") ? CheckpointKind.FluxDev : CheckpointKind.FluxSchnell
            : names.HasAny("transformer_blocks.0.attn.add_q_proj.") ? CheckpointKind.StableDiffusion3
            : !names.Has(Projection) ? CheckpointKind.OtherModel
            : names.HasAny("add_embedding.") ? Directory.Exists(Path.Combine(path, "text_encoder")) ? CheckpointKind.StableDiffusionXL : CheckpointKind.StableDiffusionXLRefiner
            : names.Shape(Projection).Count == 2 ? CheckpointKind.StableDiffusion2 : CheckpointKind.StableDiffusion1;
    }
}
