using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>
/// A model of the Stable Diffusion 1.x and 2.x kind as diffusers stores it: <c>unet/</c>, <c>vae/</c>, <c>text_encoder/</c>,
/// <c>tokenizer/</c>, <c>scheduler/</c>, each with its configuration, and weights in safetensors files.
/// </summary>
public static class DiffusersFolder
{
    /// <summary>Loads a model.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null means float32 on the CPU.</param>
    /// <returns>The model; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or asks for what is not computed here; one sentence that names it.</exception>
    public static DiffusionModel Load(string path, LoadOptions? options = null) =>
        LoadParts(path, options).ToModel(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))));

    /// <summary>Loads the parts of a model, for training or for building with them.</summary>
    /// <returns>The parts; the caller's to dispose.</returns>
    /// <inheritdoc cref="Load" path="/param"/>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static StableDiffusionParts LoadParts(string path, LoadOptions? options = null)
    {
        options ??= new LoadOptions();
        options.Validate();
        if (!Directory.Exists(path))
        {
            throw new DirectoryNotFoundException(File.Exists(path)
                ? $"'{path}' is a file; a model is a folder in the layout of diffusers."
                : $"There is no folder '{path}'.");
        }

        ModelIndex.Check(path);
        (VariancePreservingProcess process, PredictionType prediction) = SchedulerConfig.Read(Require(path, "scheduler", "scheduler_config.json"));
        ClipTokenizer tokenizer = ClipTokenizer.LoadFolder(Path.GetDirectoryName(Require(path, "tokenizer", "vocab.json", "merges.txt"))!);
        UNet2DConditionOptions unet = UNet2DConditionConfig.Read(Require(path, "unet", "config.json"));
        ClipTextOptions text = ClipTextConfig.Read(Require(path, "text_encoder", "config.json"));
        string autoencoderFolder = options.TinyAutoencoderPath ?? Path.Combine(path, "vae");
        Func<TensorOptions, IAutoencoder> autoencoder = AutoencoderBuilder(
            Require(autoencoderFolder, "", "config.json"), tinyOnly: options.TinyAutoencoderPath is not null);

        using WeightFiles unetFiles = WeightFiles.Open(Path.Combine(path, "unet"), WeightFiles.Diffusers);
        using WeightFiles autoencoderFiles = WeightFiles.Open(autoencoderFolder, WeightFiles.Diffusers);
        using WeightFiles textFiles = WeightFiles.Open(Path.Combine(path, "text_encoder"), WeightFiles.Transformers);

        StableDiffusionParts Build(TensorOptions tensors) =>
            new(new UNet2DConditionModel(unet, tensors), autoencoder(tensors), new ClipTextModel(text, tensors), tokenizer, process, prediction);

        IEnumerable<(Module Network, WeightFiles Files)> Sources(StableDiffusionParts parts) =>
            [(parts.UNet, unetFiles), ((Module)parts.Autoencoder, autoencoderFiles), (parts.TextModel, textFiles)];

        LibTorch.Load();

        // First without memory, so that a folder that does not fit together costs none.
        using (StableDiffusionParts shape = Build(new TensorOptions(options.Precision, META)))
        {
            CheckFit(path, shape);
            foreach ((Module network, WeightFiles files) in Sources(shape))
            {
                files.CheckFit(network);
            }
        }

        StableDiffusionParts loaded = Build(new TensorOptions(options.Precision, options.Device));
        try
        {
            foreach ((Module network, WeightFiles files) in Sources(loaded))
            {
                files.LoadInto(network);
            }

            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Writes a model that <see cref="Load"/>, and diffusers, read. Each file is whole or absent.</summary>
    /// <param name="path">The folder; made where it is not there, files of the same names replaced.</param>
    /// <param name="parts">The model; its autoencoder must be an <see cref="AutoencoderTiny"/>.</param>
    /// <param name="precision">Precision of the stored weights: float32, float16 or bfloat16.</param>
    /// <exception cref="ArgumentException">Where the parts do not fit one another, or cannot be stored.</exception>
    /// <exception cref="IOException">Where a file cannot be written.</exception>
    public static void Save(string path, StableDiffusionParts parts, ScalarType precision = ScalarType.Float32)
    {
        parts.Validate();
        OptionCheck.Precision(precision);
        if (parts.Autoencoder is not AutoencoderTiny autoencoder)
        {
            throw new ArgumentException($"The autoencoder must be an {nameof(AutoencoderTiny)}, got {parts.Autoencoder.GetType().Name}.", nameof(parts));
        }

        string Target(string part, string file) => Path.Combine(Directory.CreateDirectory(Path.Combine(path, part)).FullName, file);
        void Weights(string part, string name, Module network) => SafetensorsWriter.Write(
            Target(part, name + ".safetensors"), network.state_dict(), new Dictionary<string, string> { ["format"] = "pt" }, precision);

        SchedulerConfig.Write(Target("scheduler", "scheduler_config.json"), parts.Process, parts.Prediction);
        UNet2DConditionConfig.Write(Target("unet", "config.json"), parts.UNet.Options);
        AutoencoderTinyConfig.Write(Target("vae", "config.json"), autoencoder.Options);
        ClipTextConfig.Write(Target("text_encoder", "config.json"), parts.TextModel.Options);
        parts.Tokenizer.SaveFolder(Path.Combine(path, "tokenizer"), parts.TextModel.Options.MaxPositionEmbeddings);
        ModelIndex.Write(path, nameof(AutoencoderTiny), parts.TextModel.Options.ProjectionDim is null ? "CLIPTextModel" : "CLIPTextModelWithProjection");
        Weights("unet", WeightFiles.Diffusers, parts.UNet);
        Weights("vae", WeightFiles.Diffusers, autoencoder);
        Weights("text_encoder", WeightFiles.Transformers, parts.TextModel);
    }

    private static Func<TensorOptions, IAutoencoder> AutoencoderBuilder(string config, bool tinyOnly)
    {
        string[] classes = tinyOnly ? [nameof(AutoencoderTiny)] : [nameof(AutoencoderTiny), nameof(AutoencoderKL)];
        if (new ConfigFile(config).Choice("_class_name", classes.ToDictionary(name => name)) == nameof(AutoencoderTiny))
        {
            AutoencoderTinyOptions tiny = AutoencoderTinyConfig.Read(config);
            return tensors => new AutoencoderTiny(tiny, tensors);
        }

        AutoencoderKLOptions options = AutoencoderKLConfig.Read(config);
        return tensors => new AutoencoderKL(options, tensors);
    }

    private static string Require(string folder, string part, params string[] files)
    {
        foreach (string file in files.Where(file => !File.Exists(Path.Combine(folder, part, file))))
        {
            throw new InvalidDataException($"'{folder}' is not in the layout of diffusers: it lacks {Path.Combine(part, file)}.");
        }

        return Path.Combine(folder, part, files[0]);
    }

    private static void CheckFit(string path, StableDiffusionParts parts)
    {
        try
        {
            parts.Validate();
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException($"'{path}': {error.Message}", error);
        }
    }
}
