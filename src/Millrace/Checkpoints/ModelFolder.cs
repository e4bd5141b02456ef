using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>
/// A diffusers folder being made into a model. A family describes its model by asking for parts; that happens twice, the
/// first time without memory, so that a folder that does not fit together costs none.
/// </summary>
internal sealed class ModelFolder : IDisposable
{
    private readonly string _path;
    private readonly LoadOptions _options;
    private readonly Func<string, TensorFile?>? _weights;
    private readonly Dictionary<string, WeightFiles> _files = [];
    private readonly Dictionary<string, object> _tokenizers = [];
    private Dictionary<string, Module> _parts = [];
    private TensorOptions _tensors;

    private ModelFolder(string path, LoadOptions options, Func<string, TensorFile?>? weights, string? name)
    {
        (_path, _options, _weights, _tensors) = (path, options, weights, new TensorOptions(options.Precision, META));
        Name = name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        Index = ModelIndex.Read(path);
    }

    /// <summary>What the folder says of itself.</summary>
    public ModelIndex Index { get; }

    /// <summary>Name of the folder.</summary>
    public string Name { get; }

    /// <summary>The networks made so far, by the names of their folders.</summary>
    public IReadOnlyDictionary<string, Module> Parts => _parts;

    /// <summary>Loads what a family makes of a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="family">Asks for parts, checks that they fit one another, and puts them together; called twice.</param>
    /// <param name="weights">From a part to its weights where they are not in the folder; null for all in the folder.</param>
    /// <param name="name">What to call the model; null for the name of the folder.</param>
    /// <returns>What the family made, which owns the parts.</returns>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or parts do not fit; names it.</exception>
    public static T Load<T>(string path, LoadOptions? options, Func<ModelFolder, T> family, Func<string, TensorFile?>? weights = null, string? name = null)
    {
        using ModelFolder folder = Open(path, options, weights, name);
        _ = folder.Assemble(family, (files, network) => files.CheckFit(network));
        folder.DisposeParts();
        folder._tensors = new TensorOptions(folder._options.Precision, folder._options.Device);
        return folder.Assemble(family, (files, network) => files.LoadInto(network));
    }

    /// <summary>What <see cref="Load"/> would make, without memory: shapes alone.</summary>
    /// <inheritdoc cref="Load" path="/param"/>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static T Survey<T>(string path, LoadOptions? options, Func<ModelFolder, T> family, Func<string, TensorFile?>? weights = null, string? name = null)
    {
        using ModelFolder folder = Open(path, options, weights, name);
        return folder.Assemble(family, (files, network) => files.CheckFit(network));
    }

    /// <summary>The first of some files of a part, all of which must be there.</summary>
    /// <exception cref="InvalidDataException">Names the first that is missing.</exception>
    public string Require(string part, params string[] files) => RequireIn(_path, [.. files.Select(file => Path.Combine(part, file))]);

    /// <summary>A network; its weights come when all parts are there.</summary>
    /// <param name="part">Name of its folder.</param>
    /// <param name="read">From the path of its configuration to its shape.</param>
    /// <param name="build">From its shape to the network, without values.</param>
    /// <param name="weights">Name of its weights.</param>
    public T Network<TOptions, T>(string part, Func<string, TOptions> read, Func<TOptions, TensorOptions, T> build, string weights = WeightFiles.Diffusers)
        where T : Module => Network(Path.Combine(_path, part), part, read, build, weights);

    /// <summary>The autoencoder in the folder <c>vae</c>, or the tiny one that the options name.</summary>
    public IAutoencoder Autoencoder()
    {
        string[] classes = _options.TinyAutoencoderPath is null ? [nameof(AutoencoderTiny), nameof(AutoencoderKL)] : [nameof(AutoencoderTiny)];
        object Read(string config) => new ConfigFile(config).Choice("_class_name", classes.ToDictionary(name => name)) == nameof(AutoencoderTiny)
            ? AutoencoderTinyConfig.Read(config)
            : AutoencoderKLConfig.Read(config);
        Module Build(object shape, TensorOptions tensors) => shape is AutoencoderTinyOptions tiny
            ? new AutoencoderTiny(tiny, tensors)
            : new AutoencoderKL((AutoencoderKLOptions)shape, tensors);
        return (IAutoencoder)Network(_options.TinyAutoencoderPath ?? Path.Combine(_path, "vae"), "vae", Read, Build, WeightFiles.Diffusers);
    }

    /// <summary>A CLIP text encoder with its tokenizer: <c>text_encoder</c> and <c>tokenizer</c>, or with a number behind, such as <c>_2</c>.</summary>
    public (ClipTextModel Model, ClipTokenizer Tokenizer) Clip(string number = "")
    {
        ClipTokenizer tokenizer = Tokenizer("tokenizer" + number, part => ClipTokenizer.LoadFolder(Path.GetDirectoryName(Require(part, "vocab.json", "merges.txt"))!));
        ClipTextModel model = Network("text_encoder" + number, ClipTextConfig.Read, (options, tensors) => new ClipTextModel(options, tensors), WeightFiles.Transformers);
        return (model, tokenizer);
    }

    /// <summary>A T5 text encoder with its tokenizer.</summary>
    public (T5EncoderModel Model, T5Tokenizer Tokenizer) T5(string number = "")
    {
        T5Tokenizer tokenizer = Tokenizer("tokenizer" + number, part => T5Tokenizer.LoadFolder(Path.Combine(_path, part)));
        T5EncoderModel model = Network("text_encoder" + number, T5Config.Read, (options, tensors) => new T5EncoderModel(options, tensors), WeightFiles.Transformers);
        return (model, tokenizer);
    }

    /// <summary>A Gemma text encoder with its tokenizer.</summary>
    public (GemmaModel Model, GemmaTokenizer Tokenizer) Gemma()
    {
        GemmaTokenizer tokenizer = Tokenizer("tokenizer", part => GemmaTokenizer.LoadFolder(Path.Combine(_path, part)));
        return (Network("text_encoder", GemmaConfig.Read, (options, tensors) => new GemmaModel(options, tensors), WeightFiles.Transformers), tokenizer);
    }

    public void Dispose()
    {
        foreach (WeightFiles files in _files.Values)
        {
            files.Dispose();
        }
    }

    private static ModelFolder Open(string path, LoadOptions? options, Func<string, TensorFile?>? weights, string? name)
    {
        options ??= new LoadOptions();
        options.Validate();
        if (!Directory.Exists(path))
        {
            throw new DirectoryNotFoundException(File.Exists(path)
                ? $"'{path}' is a file; a model is a folder in the layout of diffusers."
                : $"There is no folder '{path}'.");
        }

        LibTorch.Load();
        return new ModelFolder(path, options, weights, name);
    }

    private T Network<TOptions, T>(string folder, string name, Func<string, TOptions> read, Func<TOptions, TensorOptions, T> build, string weights)
        where T : Module
    {
        T network = build(read(RequireIn(folder, "config.json")), _tensors);
        _parts.Add(name, network);
        if (!_files.ContainsKey(name))
        {
            TensorFile? elsewhere = folder == Path.Combine(_path, name) ? _weights?.Invoke(name) : null;
            _files.Add(name, elsewhere is null ? WeightFiles.Open(folder, weights) : WeightFiles.Of(elsewhere));
        }

        return network;
    }

    private T Tokenizer<T>(string part, Func<string, T> load)
        where T : class
    {
        if (!_tokenizers.TryGetValue(part, out object? tokenizer))
        {
            _tokenizers.Add(part, tokenizer = load(part));
        }

        return (T)tokenizer;
    }

    private T Assemble<T>(Func<ModelFolder, T> family, Action<WeightFiles, Module> fill)
    {
        try
        {
            T made = family(this);
            foreach ((string part, Module network) in _parts)
            {
                fill(_files[part], network);
            }

            return made;
        }
        catch (Exception error)
        {
            DisposeParts();
            if (error is ArgumentException)
            {
                throw new InvalidDataException($"'{_path}': {error.Message}", error);
            }

            throw;
        }
    }

    private void DisposeParts()
    {
        foreach (Module part in _parts.Values)
        {
            part.Dispose();
        }

        _parts = [];
    }

    private static string RequireIn(string folder, params string[] files)
    {
        foreach (string file in files.Where(file => !File.Exists(Path.Combine(folder, file))))
        {
            throw new InvalidDataException($"'{folder}' is not in the layout of diffusers: it lacks {file}.");
        }

        return Path.Combine(folder, files[0]);
    }
}
