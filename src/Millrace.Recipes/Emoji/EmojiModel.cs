using Millrace.Checkpoints;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Training;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>The networks of the emoji model and the folder that they are kept in, laid out as diffusers does.</summary>
internal static class EmojiModel
{
    /// <summary>Vocabulary of the tokenizer, at most.</summary>
    private const int VocabularySize = 2000;

    /// <summary>Learns the tokenizer from the captions of the set.</summary>
    public static ClipTokenizer TrainTokenizer(EmojiSet set) => ClipTokenizerTrainer.Train(
        set.Pictures.SelectMany(picture => picture.Aliases.Concat(picture.Tags).Append(picture.Name).Append(picture.Subgroup)), VocabularySize);

    /// <summary>Writes an autoencoder, weights as float16.</summary>
    public static void SaveAutoencoder(AutoencoderTiny network, AutoencoderTinyOptions options, string folder)
    {
        string part = Directory.CreateDirectory(Path.Combine(folder, "vae")).FullName;
        SaveWeights(network, Path.Combine(part, "diffusion_pytorch_model.safetensors"));
        AutoencoderTinyConfig.Write(Path.Combine(part, "config.json"), options);
    }

    /// <summary>Reads an autoencoder.</summary>
    public static AutoencoderTiny LoadAutoencoder(string folder, Device device)
    {
        string part = Path.Combine(folder, "vae");
        var network = new AutoencoderTiny(AutoencoderTinyConfig.Read(Path.Combine(part, "config.json")));
        LoadWeights(network, Path.Combine(part, "diffusion_pytorch_model.safetensors"));
        return network.to(device);
    }

    /// <summary>Writes a denoiser and its text encoder, weights as float16.</summary>
    public static void SaveDenoiser(TextConditionalNetwork network, string folder)
    {
        SaveWeights(network.UNet, Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "unet")).FullName, "diffusion_pytorch_model.safetensors"));
        SaveWeights(network.TextEncoder, Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "text_encoder")).FullName, "model.safetensors"));
    }

    /// <summary>Builds a denoiser and its text encoder, and reads their weights where <paramref name="folder"/> is given.</summary>
    public static TextConditionalNetwork CreateDenoiser(ClipTokenizer tokenizer, string? folder, Device device)
    {
        using var initial = new Generator(1);
        UNet2DConditionModel unet = new UNet2DConditionModel(EmojiShapes.UNet).Initialize(initial);
        ClipTextModel text = new ClipTextModel(EmojiShapes.Text(tokenizer)).Initialize(initial);
        if (folder is not null)
        {
            LoadWeights(unet, Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));
            LoadWeights(text, Path.Combine(folder, "text_encoder", "model.safetensors"));
        }

        return new TextConditionalNetwork(unet, text).to(device);
    }

    /// <summary>Writes the weights of a network as float16.</summary>
    public static void SaveWeights(Module network, string path)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        SafetensorsWriter.Write(path, network.state_dict().Select(entry => KeyValuePair.Create(entry.Key, entry.Value.to(float16))).ToList());
    }

    /// <summary>Reads the weights of a network.</summary>
    public static void LoadWeights(Module network, string path)
    {
        using IDisposable noGrad = no_grad();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach ((string name, Tensor parameter) in network.state_dict())
        {
            using Tensor source = file.Read(name, parameter.dtype);
            parameter.copy_(source);
        }
    }
}
