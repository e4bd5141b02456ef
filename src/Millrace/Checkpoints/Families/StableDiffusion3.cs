using Millrace.Checkpoints.Schedulers;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;

namespace Millrace.Checkpoints.Families;

/// <summary>Stable Diffusion 3 and 3.5 (arXiv 2403.03206).</summary>
internal static class StableDiffusion3
{
    private const int T5Length = 256;

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["transformer"] = ["SD3Transformer2DModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["CLIPTextModelWithProjection"],
        ["text_encoder_2"] = ["CLIPTextModelWithProjection"],
        ["text_encoder_3"] = ["T5EncoderModel"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["tokenizer_2"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["tokenizer_3"] = ["T5Tokenizer", "T5TokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        SD3Transformer2DModel transformer = folder.Network("transformer", TransformerConfig.ReadStableDiffusion3, (options, tensors) => new SD3Transformer2DModel(options, tensors));
        StableDiffusion3Options options = transformer.Options;
        IAutoencoder autoencoder = folder.Autoencoder();
        (ClipTextModel first, ClipTokenizer firstTokenizer) = folder.Clip();
        (ClipTextModel second, ClipTokenizer secondTokenizer) = folder.Clip("_2");
        T5TextEncoder? third = null;
        if (folder.Index.Has("text_encoder_3"))
        {
            (T5EncoderModel model, T5Tokenizer tokenizer) = folder.T5("_3");
            third = new T5TextEncoder(model, tokenizer, T5Length);
        }

        var text = new StableDiffusion3TextEncoder(new ClipTextEncoder(first, firstTokenizer), new ClipTextEncoder(second, secondTokenizer), third, options.JointAttentionDim);
        PartFit.RequireLatents(options.InChannels, autoencoder);
        PartFit.RequireText(options.PooledProjectionDim, text.PooledWidth, "pooled text");
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.StableDiffusion3,
            Network = transformer,
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = text,
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor * options.PatchSize,
            Defaults = new SamplingDefaults(28, 7),
            Parts = folder.Parts,
        };
    }
}
