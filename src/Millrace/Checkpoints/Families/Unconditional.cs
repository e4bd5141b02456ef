using Millrace.Checkpoints.Schedulers;
using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints.Families;

/// <summary>
/// DDPM (arXiv 2006.11239): pictures without any condition, in pixels. Under a class name of our own also in the latents of a tiny
/// autoencoder, and of classes.
/// </summary>
internal static class Unconditional
{
    public const string OwnPipeline = "MillracePicturePipeline";

    private const int UsualSize = 32;

    private static readonly Dictionary<string, string[]> Allowed = new() { ["unet"] = ["UNet2DModel"], ["vae"] = [nameof(AutoencoderTiny)] };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        UNet2DModel unet = folder.Network("unet", UNet2DConfig.Read, (options, tensors) => new UNet2DModel(options, tensors));
        UNet2DOptions options = unet.Options;
        IAutoencoder autoencoder = folder.Index.Has("vae") ? folder.Autoencoder() : new PixelSpace();
        PartFit.RequireLatents(options.InChannels, autoencoder);
        PartFit.Require(options.OutChannels >= options.InChannels && options.ClassEmbedding is UNetClassEmbedding.None or UNetClassEmbedding.Table,
            $"a model of this kind predicts all it is shown, with a table of classes or none, got {options.InChannels} channels to {options.OutChannels}, classes {options.ClassEmbedding}");
        bool classes = options.ClassEmbedding == UNetClassEmbedding.Table;
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.Unconditional,
            Network = unet,
            Prediction = scheduler.Prediction,
            Autoencoder = autoencoder,
            TextEncoder = classes ? new ClassLabelEncoder(options.NumClassEmbeds!.Value - 1, folder.Index.Labels()) : new NoTextEncoder(),
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize ?? UsualSize, autoencoder.SpatialFactor),
            SizeMultiple = autoencoder.SpatialFactor << (options.BlockOutChannels.Count - 1),
            Defaults = new SamplingDefaults(50, classes ? 3 : 1),
            Parts = folder.Parts,
        };
    }
}
