using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>The networks of a model of the Stable Diffusion 1.x and 2.x kind, with what was fixed when it was trained.</summary>
/// <param name="UNet">The denoising network; owned.</param>
/// <param name="Autoencoder">The autoencoder; owned.</param>
/// <param name="TextModel">The text encoder's network; owned.</param>
/// <param name="Tokenizer">The text encoder's tokenizer.</param>
/// <param name="Process">The forward process.</param>
/// <param name="Prediction">What the U-Net predicts.</param>
public sealed record StableDiffusionParts(
    UNet2DConditionModel UNet, IAutoencoder Autoencoder, ClipTextModel TextModel, ClipTokenizer Tokenizer, VariancePreservingProcess Process, PredictionType Prediction)
    : IDisposable
{
    private const int LargestSize = 65536;

    /// <summary>Checks that the parts fit one another.</summary>
    /// <exception cref="ArgumentException">Names the parts, what was seen and what is allowed.</exception>
    public void Validate()
    {
        UNet2DConditionOptions unet = UNet.Options;
        Require(unet.InChannels == Autoencoder.LatentChannels && unet.OutChannels == Autoencoder.LatentChannels,
            $"the U-Net maps {unet.InChannels} channels to {unet.OutChannels}, but the autoencoder's latents have {Autoencoder.LatentChannels}");
        Require(unet.CrossAttentionDim == TextModel.Options.HiddenSize,
            $"the U-Net attends to text of width {unet.CrossAttentionDim}, but the text encoder's width is {TextModel.Options.HiddenSize}");
        Require((long)unet.SampleSize * Autoencoder.SpatialFactor is > 0 and <= LargestSize,
            $"latents of side {unet.SampleSize} times the autoencoder's factor {Autoencoder.SpatialFactor} must make pictures of side 1 to {LargestSize}");
        Require(Tokenizer.LargestId < TextModel.Options.VocabSize,
            $"the tokenizer has ids up to {Tokenizer.LargestId}, but the text encoder knows only {TextModel.Options.VocabSize} tokens");
    }

    /// <summary>The parts as a pipeline takes them.</summary>
    /// <param name="name">What to call the model.</param>
    /// <returns>The model, which owns the parts from then on.</returns>
    /// <exception cref="ArgumentException">Where the parts do not fit one another.</exception>
    public DiffusionModel ToModel(string name)
    {
        Validate();
        return new DiffusionModel(
            name, new Denoiser(UNet, Prediction), Autoencoder, new ClipTextEncoder(TextModel, Tokenizer), Process, UNet.Options.SampleSize * Autoencoder.SpatialFactor, this);
    }

    /// <summary>Makes U-Net and autoencoder fast; see <see cref="InferencePreparation"/>. The text encoder, which runs once a prompt, stays as it is.</summary>
    /// <param name="precision">Float32 or bfloat16.</param>
    /// <returns>What is in use, in a few words.</returns>
    public string PrepareForInference(ScalarType precision)
    {
        ((Module)Autoencoder).PrepareForInference(precision);
        return UNet.PrepareForInference(precision);
    }

    /// <summary>Releases the networks.</summary>
    public void Dispose()
    {
        UNet.Dispose();
        (Autoencoder as IDisposable)?.Dispose();
        TextModel.Dispose();
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new ArgumentException($"The parts of a model must fit one another: {otherwise}.");
        }
    }
}
