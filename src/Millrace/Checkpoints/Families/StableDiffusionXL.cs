using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints.Families;

/// <summary>SDXL (arXiv 2307.01952), base and refiner, which is told by its one text encoder.</summary>
internal static class StableDiffusionXL
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["unet"] = ["UNet2DConditionModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["CLIPTextModel", "CLIPTextModelWithProjection"],
        ["text_encoder_2"] = ["CLIPTextModelWithProjection"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["tokenizer_2"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        UNet2DConditionModel unet = StableDiffusion.UNet(folder);
        IAutoencoder autoencoder = folder.Autoencoder();
        bool refines = !folder.Index.Has("text_encoder");
        ClipTextEncoder Encoder(string number)
        {
            (ClipTextModel model, ClipTokenizer tokenizer) = folder.Clip(number);
            return new ClipTextEncoder(model, tokenizer);
        }

        var text = new StableDiffusionXLTextEncoder(refines ? null : Encoder(""), Encoder("_2"), folder.Index.Flag("force_zeros_for_empty_prompt", !refines));
        UNet2DConditionOptions options = unet.Options;
        Func<long, long, float[]> sizes = refines ? RefinerSizes : BaseSizes;
        int numbers = sizes(1, 1).Length, latent = autoencoder.LatentChannels;
        PartFit.Require((options.InChannels == latent || options.InChannels == (2 * latent) + 1) && options.OutChannels == latent,
            $"the U-Net maps {options.InChannels} channels to {options.OutChannels}, but the autoencoder's latents have {latent}");
        PartFit.RequireText(options.CrossAttentionDim, text.TextWidth);
        PartFit.Require(options.AdditionTimeEmbedDim is { } width && (numbers * width) + text.PooledWidth == options.ProjectionClassEmbeddingsInputDim,
            $"the U-Net must take a pooled text of width {text.PooledWidth} and {numbers} sizes");
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = refines ? ModelFamily.StableDiffusionXLRefiner : ModelFamily.StableDiffusionXL,
            Network = unet,
            Convention = new NetworkConvention { SizeIds = sizes, PixelsPerLatent = autoencoder.SpatialFactor },
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = text,
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor,
            Defaults = options.TimeCondProjDim is null ? new SamplingDefaults(50, 5) : new SamplingDefaults(4, 8),
            EmbedsGuidance = options.TimeCondProjDim is not null,
            Parts = folder.Parts,
        };
    }

    /// <summary>Original size, top left corner of the crop, target size: an uncropped picture.</summary>
    private static float[] BaseSizes(long height, long width) => [height, width, 0, 0, height, width];

    /// <summary>Original size, top left corner of the crop, and the aesthetic score that the refiner is asked for.</summary>
    private static float[] RefinerSizes(long height, long width) => [height, width, 0, 0, 6];
}
