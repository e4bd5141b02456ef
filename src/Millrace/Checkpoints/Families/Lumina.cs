using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;

namespace Millrace.Checkpoints.Families;

/// <summary>Lumina-Next (arXiv 2406.18583).</summary>
internal static class Lumina
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["transformer"] = ["LuminaNextDiT2DModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["GemmaModel"],
        ["tokenizer"] = ["GemmaTokenizer", "GemmaTokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        LuminaNextDiT2DModel transformer = folder.Network("transformer", TransformerConfig.ReadLumina, (options, tensors) => new LuminaNextDiT2DModel(options, tensors));
        LuminaOptions options = transformer.Options;
        IAutoencoder autoencoder = folder.Autoencoder();
        (GemmaModel model, GemmaTokenizer tokenizer) = folder.Gemma();
        PartFit.RequireLatents(options.InChannels, autoencoder);
        PartFit.RequireText(options.CrossAttentionDim, model.Options.HiddenSize);
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.Lumina,
            Network = transformer,
            Convention = NetworkConvention.TowardsData,
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = new GemmaTextEncoder(model, tokenizer),
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor * options.PatchSize,
            Defaults = new SamplingDefaults(30, 4),
            Parts = folder.Parts,
        };
    }
}
