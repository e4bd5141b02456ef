using Millrace.Checkpoints.Families;
using Millrace.Checkpoints.Schedulers;
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
    UNet2DConditionModel UNet, IAutoencoder Autoencoder, ClipTextModel TextModel, ClipTokenizer Tokenizer, IDiffusionProcess Process, PredictionType Prediction)
    : IDisposable
{
    /// <summary>The scheduler that the model came with; null for the plain one of the process.</summary>
    public DiffusersScheduler? Scheduler { get; init; }

    /// <summary>Checks that the parts fit one another.</summary>
    /// <exception cref="ArgumentException">Names the parts, what was seen and what is allowed.</exception>
    public void Validate()
    {
        UNet2DConditionOptions unet = UNet.Options;
        int latent = Autoencoder.LatentChannels;
        PartFit.Require((unet.InChannels == latent || unet.InChannels == (2 * latent) + 1) && unet.OutChannels == latent,
            $"the U-Net maps {unet.InChannels} channels to {unet.OutChannels}, but the autoencoder's latents have {Autoencoder.LatentChannels}");
        PartFit.Require(unet.CrossAttentionDim == TextModel.Options.HiddenSize,
            $"the U-Net attends to text of width {unet.CrossAttentionDim}, but the text encoder's width is {TextModel.Options.HiddenSize}");
        _ = PartFit.Size(unet.SampleSize, Autoencoder.SpatialFactor);
        PartFit.Require(Tokenizer.LargestId < TextModel.Options.VocabSize,
            $"the tokenizer has ids up to {Tokenizer.LargestId}, but the text encoder knows only {TextModel.Options.VocabSize} tokens");
    }

    /// <summary>The parts as a pipeline takes them.</summary>
    /// <param name="name">What to call the model.</param>
    /// <returns>The model, which owns the parts from then on.</returns>
    /// <exception cref="ArgumentException">Where the parts do not fit one another.</exception>
    public DiffusionModel ToModel(string name)
    {
        Validate();
        bool distilled = UNet.Options.TimeCondProjDim is not null;
        return new DiffusionModel
        {
            Name = name,
            Family = ModelFamily.StableDiffusion,
            Network = UNet,
            Prediction = Prediction,
            Autoencoder = Autoencoder,
            TextEncoder = new ClipTextEncoder(TextModel, Tokenizer),
            Scheduler = Scheduler ?? DiffusersScheduler.Of(Process, Prediction),
            DefaultSize = PartFit.Size(UNet.Options.SampleSize, Autoencoder.SpatialFactor),
            SizeMultiple = Autoencoder.SpatialFactor,
            Defaults = distilled ? new SamplingDefaults(4, 8.5) : Process is FlowProcess ? new SamplingDefaults(30, 4) : new SamplingDefaults(50, 7.5),
            EmbedsGuidance = distilled,
            Parts = new Dictionary<string, Module> { ["unet"] = UNet, ["vae"] = (Module)Autoencoder, ["text_encoder"] = TextModel },
        };
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
}
