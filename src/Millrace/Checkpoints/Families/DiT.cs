using Millrace.Checkpoints.Schedulers;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;

namespace Millrace.Checkpoints.Families;

/// <summary>DiT (arXiv 2212.09748): pictures of classes.</summary>
internal static class DiT
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["transformer"] = ["Transformer2DModel", "DiTTransformer2DModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
    };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        DiTTransformer2DModel transformer = folder.Network("transformer", TransformerConfig.ReadDiT, (options, tensors) => new DiTTransformer2DModel(options, tensors));
        DiTOptions options = transformer.Options;
        IAutoencoder autoencoder = folder.Autoencoder();
        PartFit.RequireLatents(options.InChannels, autoencoder);
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.DiT,
            Network = transformer,
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = new ClassLabelEncoder(options.NumClasses, folder.Index.Labels()),
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor * options.PatchSize,
            Defaults = new SamplingDefaults(50, 4),
            Parts = folder.Parts,
        };
    }
}
