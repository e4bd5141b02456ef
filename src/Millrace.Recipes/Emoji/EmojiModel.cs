using Millrace.Checkpoints;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>The networks of the emoji model and the folder that they are kept in, laid out as diffusers does, weights as float16.</summary>
internal static class EmojiModel
{
    private const int VocabularySize = 2000;
    private const string AutoencoderFolder = "vae";
    private const string WeightsFile = "diffusion_pytorch_model.safetensors";

    /// <summary>Learns the tokenizer from the captions of the set.</summary>
    public static ClipTokenizer TrainTokenizer(EmojiSet set) => ClipTokenizerTrainer.Train(
        set.Pictures.SelectMany(picture => picture.Aliases.Concat(picture.Tags).Append(picture.Name).Append(picture.Subgroup)), VocabularySize);

    /// <summary>Writes the autoencoder, which is trained first.</summary>
    public static void SaveAutoencoder(AutoencoderTiny network, AutoencoderTinyOptions options, string model)
    {
        string folder = Directory.CreateDirectory(Path.Combine(model, AutoencoderFolder)).FullName;
        AutoencoderTinyConfig.Write(Path.Combine(folder, "config.json"), options);
        SaveWeights(network, Path.Combine(folder, WeightsFile));
    }

    /// <summary>An autoencoder that was trained, and a denoiser and a text encoder that are not.</summary>
    public static StableDiffusionParts Begin(ClipTokenizer tokenizer, string model, Device device)
    {
        using var initial = new Generator(1);
        string folder = Path.Combine(model, AutoencoderFolder);
        var autoencoder = new AutoencoderTiny(AutoencoderTinyConfig.Read(Path.Combine(folder, "config.json")));
        LoadWeights(autoencoder, Path.Combine(folder, WeightsFile));
        UNet2DConditionModel unet = new UNet2DConditionModel(EmojiShapes.UNet).Initialize(initial);
        ClipTextModel text = new ClipTextModel(EmojiShapes.Text(tokenizer)).Initialize(initial);
        return new StableDiffusionParts(
            unet.to(device), autoencoder.to(device), text.to(device), tokenizer, VariancePreservingProcess.StableDiffusion, PredictionType.VPrediction);
    }

    /// <summary>Writes the weights of a network.</summary>
    public static void SaveWeights(Module network, string path) => SafetensorsWriter.Write(path, network.state_dict(), precision: float16);

    /// <summary>Reads the weights of a network.</summary>
    public static void LoadWeights(Module network, string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        StateDictLoader.Load(network, [file]);
    }
}
