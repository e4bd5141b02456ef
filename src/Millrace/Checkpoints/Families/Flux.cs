using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;

namespace Millrace.Checkpoints.Families;

/// <summary>FLUX.1: dev, whose network takes the guidance scale, and schnell.</summary>
internal static class Flux
{
    // Side of the square of latents that makes one token, and the side of a picture in training.
    private const int Packing = 2, TrainedSize = 1024;
    private const int DevLength = 512, SchnellLength = 256;
    private const double DevGuidance = 3.5;

    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["transformer"] = ["FluxTransformer2DModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["CLIPTextModel"],
        ["text_encoder_2"] = ["T5EncoderModel"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
        ["tokenizer_2"] = ["T5Tokenizer", "T5TokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        FluxTransformer2DModel transformer = folder.Network("transformer", TransformerConfig.ReadFlux, (options, tensors) => new FluxTransformer2DModel(options, tensors));
        FluxOptions options = transformer.Options;
        IAutoencoder autoencoder = folder.Autoencoder();
        (ClipTextModel clip, ClipTokenizer clipTokenizer) = folder.Clip();
        (T5EncoderModel t5, T5Tokenizer t5Tokenizer) = folder.T5("_2");
        PartFit.RequireLatents(options.InChannels / (Packing * Packing), autoencoder);
        PartFit.RequireText(options.JointAttentionDim, t5.Options.DModel);
        PartFit.RequireText(options.PooledProjectionDim, clip.Options.HiddenSize, "pooled text");
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.Flux,
            Network = transformer,
            Convention = NetworkConvention.NoiseLevel with { Guidance = options.GuidanceEmbeds ? DevGuidance : null },
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = new FluxTextEncoder(new ClipTextEncoder(clip, clipTokenizer), new T5TextEncoder(t5, t5Tokenizer, options.GuidanceEmbeds ? DevLength : SchnellLength)),
            Scheduler = scheduler,
            DefaultSize = TrainedSize,
            SizeMultiple = autoencoder.SpatialFactor * Packing,
            Defaults = options.GuidanceEmbeds ? new SamplingDefaults(28, DevGuidance) : new SamplingDefaults(4, 1),
            EmbedsGuidance = options.GuidanceEmbeds,
            Parts = folder.Parts,
        };
    }
}
