using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;

namespace Millrace.Checkpoints.Families;

/// <summary>PixArt-alpha (arXiv 2310.00426) and PixArt-sigma (arXiv 2403.04692), which reads longer prompts.</summary>
internal static class PixArt
{
    private const int AlphaLength = 120, SigmaLength = 300;

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["transformer"] = ["PixArtTransformer2DModel", "Transformer2DModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["T5EncoderModel"],
        ["tokenizer"] = ["T5Tokenizer", "T5TokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        PixArtTransformer2DModel transformer = folder.Network("transformer", TransformerConfig.ReadPixArt, (options, tensors) => new PixArtTransformer2DModel(options, tensors));
        PixArtOptions options = transformer.Options;
        IAutoencoder autoencoder = folder.Autoencoder();
        (T5EncoderModel model, T5Tokenizer tokenizer) = folder.T5();
        int length = folder.Index.Pipeline == "PixArtSigmaPipeline" ? SigmaLength : AlphaLength;
        PartFit.RequireLatents(options.InChannels, autoencoder);
        PartFit.RequireText(options.CaptionChannels ?? options.CrossAttentionDim, model.Options.DModel);
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.PixArt,
            Network = transformer,
            Convention = options.UseAdditionalConditions
                ? new NetworkConvention { SizeIds = (height, width) => [height, width, (float)height / width], PixelsPerLatent = autoencoder.SpatialFactor }
                : NetworkConvention.Timesteps,
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = new T5TextEncoder(model, tokenizer, length, masksPadding: true),
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor * options.PatchSize,
            Defaults = new SamplingDefaults(20, 4.5),
            Parts = folder.Parts,
        };
    }
}
