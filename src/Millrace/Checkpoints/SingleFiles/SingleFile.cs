using Millrace.Models;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A model in a single file, seen as the folder that it would be.</summary>
internal sealed class SingleFile : IDisposable
{
    // Names of tensors without values, by which newer files tell how they were trained.
    private const string PredictsV = "v_pred", ZeroTerminalSnr = "ztsnr";

    /// <summary>Where files say in their free text what the network predicts: epsilon or v.</summary>
    public const string PredictionMetadata = "modelspec.prediction_type";

    private readonly TensorFile _file;

    private SingleFile(TensorFile file, SingleFileFamily family)
    {
        (_file, Family) = (file, family);
        var rest = new List<TensorEntry>();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var parts = new List<(PartForm Form, MappedFile Tensors)>();
        foreach (PartForm form in family.Parts)
        {
            if (form.Prefixes.FirstOrDefault(prefix => file.Entries.Any(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal))) is not { } prefix)
            {
                continue;
            }

            TensorEntry[] mine = [.. file.Entries.Where(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal))];
            taken.UnionWith(mine.Select(entry => entry.Name));
            NameMap map = form.OfSingle(new NameSet(Path, mine.ToDictionary(entry => entry.Name[prefix.Length..], entry => entry.Shape)));
            parts.Add((form, new MappedFile(Path, NameMapping.ToFolder(map, file, prefix, rest))));
        }

        (Parts, Rest) = (parts, [.. file.Entries.Where(entry => !taken.Contains(entry.Name)), .. rest]);
    }

    /// <summary>Where the file is.</summary>
    public string Path => _file.Path;

    /// <summary>The file as it is.</summary>
    public TensorFile File => _file;

    /// <summary>Which family.</summary>
    public SingleFileFamily Family { get; }

    /// <summary>The networks that are in the file, each in the names of a folder.</summary>
    public IReadOnlyList<(PartForm Form, MappedFile Tensors)> Parts { get; }

    /// <summary>What no network takes: averages, tables of training, layers that are not used.</summary>
    public IReadOnlyList<TensorEntry> Rest { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where it is no valid file, or holds no model of a known family; says what it holds.</exception>
    public static SingleFile Open(string path)
    {
        var file = TensorFile.Open(path);
        try
        {
            return Of(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What a file holds; owned from then on.</summary>
    /// <exception cref="InvalidDataException">Where it holds no model of a known family; says what it holds.</exception>
    public static SingleFile Of(TensorFile file)
    {
        CheckpointKind kind = CheckpointKinds.Of(new NameSet(file.Path, file.Entries));
        SingleFileFamily family = SingleFileFamilies.All.FirstOrDefault(family => family.Kind == kind) ?? throw new InvalidDataException(
            $"'{file.Path}' holds no model but {CheckpointKinds.Describe(kind)}; a model in a single file is one of {string.Join(", ", SingleFileFamilies.All.Select(known => CheckpointKinds.Describe(known.Kind)))}.");
        return new SingleFile(file, family);
    }

    /// <summary>Refuses a file that holds only some of the networks that a model needs.</summary>
    /// <exception cref="InvalidDataException">Names what is missing.</exception>
    public void CheckComplete()
    {
        string[] missing = [.. Family.Parts.Where(form => !form.Optional && Parts.All(part => part.Form != form)).Select(form => form.Folder)];
        if (missing.Length > 0)
        {
            throw new InvalidDataException(
                $"'{Path}' holds {string.Join(", ", Parts.Select(part => part.Form.Folder))} of {CheckpointKinds.Describe(Family.Kind)}, but not {string.Join(", ", missing)}: convert it to a folder, and put these beside.");
        }
    }

    /// <summary>Writes everything of a folder but weights: index, configurations, scheduler, and tokenizers where there are any to copy.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="tokenizers">A folder with tokenizers; null for none.</param>
    /// <param name="prediction">What the network predicts; null for what the file says, or its family.</param>
    /// <exception cref="InvalidDataException">Where shapes do not tell a configuration, the folder lacks a tokenizer, or nobody says what the network predicts.</exception>
    public void WriteFrame(string folder, string? tokenizers, PredictionType? prediction)
    {
        string Target(string part, string name) => System.IO.Path.Combine(Directory.CreateDirectory(System.IO.Path.Combine(folder, part)).FullName, name);
        PredictionType predicts = prediction ?? Prediction() ?? throw new InvalidDataException(
            $"'{Path}' does not say whether its network predicts the noise or v, and weights of {CheckpointKinds.Describe(Family.Kind)} do not tell: say --prediction epsilon (most models of 512 x 512) or --prediction v (most of 768 x 768).");
        foreach ((PartForm form, MappedFile tensors) in Parts)
        {
            form.WriteConfig(Target(form.Folder, "config.json"), new NameSet(Path, tensors.Entries));
            if (tokenizers is not null && form.Tokenizer is { } tokenizer)
            {
                TokenizerFiles.Copy(tokenizers, form.TokenizerFolder, tokenizer, folder);
            }
        }

        ConfigFile.Write(Target("", ModelIndex.FileName), Family.Index([.. Parts.Select(part => part.Form.Folder)]));
        ConfigFile.Write(Target("scheduler", "scheduler_config.json"), Family.Scheduler(predicts, _file.Contains(ZeroTerminalSnr)));
    }

    public void Dispose() => _file.Dispose();

    private PredictionType? Prediction() =>
        _file.Contains(PredictsV) || _file.Metadata.GetValueOrDefault(PredictionMetadata) is "v" or "v_prediction" ? PredictionType.VPrediction
        : _file.Metadata.GetValueOrDefault(PredictionMetadata) is "epsilon" ? PredictionType.Epsilon
        : Family.Prediction;
}
