using Millrace.Checkpoints.Families;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>
/// A model as diffusers stores it: <c>model_index.json</c> and a folder for each network, tokenizer and scheduler, with its
/// configuration, and weights in safetensors files. Without <c>model_index.json</c> it is taken for a Stable Diffusion 1.x or 2.x.
/// </summary>
public static class DiffusersFolder
{
    private const string Ending = ".safetensors";

    /// <summary>Loads a model of any family.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null means float32 on the CPU.</param>
    /// <returns>The model; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or asks for what is not computed here; one sentence that names it.</exception>
    public static DiffusionModel Load(string path, LoadOptions? options = null) => ModelFolder.Load(path, options, PipelineClasses.Assemble);

    /// <summary>Loads the parts of a model of the Stable Diffusion 1.x and 2.x kind, for training or for building with them.</summary>
    /// <returns>The parts; the caller's to dispose.</returns>
    /// <inheritdoc cref="Load" path="/param"/>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static StableDiffusionParts LoadParts(string path, LoadOptions? options = null) => ModelFolder.Load(path, options, StableDiffusion.AssembleParts);

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

        SaveShared(path, parts.Process, parts.Prediction, autoencoder, parts.UNet, precision);
        UNet2DConditionConfig.Write(Target(path, "unet", "config.json"), parts.UNet.Options);
        ClipTextConfig.Write(Target(path, "text_encoder", "config.json"), parts.TextModel.Options);
        parts.Tokenizer.SaveFolder(Path.Combine(path, "tokenizer"), parts.TextModel.Options.MaxPositionEmbeddings);
        ModelIndex.Write(path, nameof(AutoencoderTiny), parts.TextModel.Options.ProjectionDim is null ? "CLIPTextModel" : "CLIPTextModelWithProjection");
        Weights(Target(path, "text_encoder", WeightFiles.Transformers + Ending), parts.TextModel, precision);
    }

    /// <summary>Writes a model without text, in the latents of a tiny autoencoder, that <see cref="Load"/> reads. Each file is whole or absent.</summary>
    /// <param name="path">The folder; made where it is not there, files of the same names replaced.</param>
    /// <param name="unet">The denoising network.</param>
    /// <param name="autoencoder">The autoencoder.</param>
    /// <param name="process">A flow, or a variance-preserving process.</param>
    /// <param name="prediction">What the network predicts.</param>
    /// <param name="labels">Names of the classes, of which the network knows one more, that stands for none; empty for a network without classes.</param>
    /// <param name="precision">Precision of the stored weights: float32, float16 or bfloat16.</param>
    /// <exception cref="ArgumentException">Where the parts do not fit one another, or cannot be stored.</exception>
    /// <exception cref="IOException">Where a file cannot be written.</exception>
    public static void Save(
        string path, UNet2DModel unet, AutoencoderTiny autoencoder, IDiffusionProcess process, PredictionType prediction, IReadOnlyList<string> labels,
        ScalarType precision = ScalarType.Float32)
    {
        OptionCheck.Precision(precision);
        PartFit.RequireLatents(unet.Options.InChannels, autoencoder);
        PartFit.Require((unet.Options.NumClassEmbeds ?? 1) == labels.Count + 1, $"the network knows {unet.Options.NumClassEmbeds ?? 0} classes, and {labels.Count} have names");
        SaveShared(path, process, prediction, autoencoder, unet, precision);
        UNet2DConfig.Write(Target(path, "unet", "config.json"), unet.Options);
        ModelIndex.WriteUnconditional(path, labels);
    }

    private static void SaveShared(string path, IDiffusionProcess process, PredictionType prediction, AutoencoderTiny autoencoder, Module unet, ScalarType precision)
    {
        SchedulerConfig.Write(Target(path, "scheduler", "scheduler_config.json"), process, prediction);
        AutoencoderTinyConfig.Write(Target(path, "vae", "config.json"), autoencoder.Options);
        Weights(Target(path, "vae", WeightFiles.Diffusers + Ending), autoencoder, precision);
        Weights(Target(path, "unet", WeightFiles.Diffusers + Ending), unet, precision);
    }

    private static string Target(string path, string part, string file) => Path.Combine(Directory.CreateDirectory(Path.Combine(path, part)).FullName, file);

    private static void Weights(string path, Module network, ScalarType precision) =>
        SafetensorsWriter.Write(path, network.state_dict(), new Dictionary<string, string> { ["format"] = "pt" }, precision);
}
