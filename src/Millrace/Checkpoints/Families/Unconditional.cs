using Millrace.Checkpoints.Schedulers;
using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints.Families;

/// <summary>DDPM (arXiv 2006.11239): pictures in pixels, without any condition.</summary>
internal static class Unconditional
{
    private const int UsualSize = 32;

    private static readonly Dictionary<string, string[]> Allowed = new() { ["unet"] = ["UNet2DModel"] };

    public static DiffusionModel Assemble(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = DiffusersScheduler.Read(folder.Require("scheduler", "scheduler_config.json"));
        UNet2DModel unet = folder.Network("unet", UNet2DConfig.Read, (options, tensors) => new UNet2DModel(options, tensors));
        UNet2DOptions options = unet.Options;
        var pixels = new PixelSpace();
        PartFit.Require(options.InChannels == pixels.LatentChannels && options.OutChannels >= pixels.LatentChannels && options.ClassEmbedding == UNetClassEmbedding.None,
            $"a model of this kind maps 3 channels to 3 without classes, got {options.InChannels} to {options.OutChannels}, classes {options.ClassEmbedding}");
        return new DiffusionModel
        {
            Name = folder.Name,
            Family = ModelFamily.Unconditional,
            Network = unet,
            Prediction = scheduler.Prediction,
            Autoencoder = pixels,
            TextEncoder = new NoTextEncoder(),
            Scheduler = scheduler,
            DefaultSize = PartFit.Size(options.SampleSize ?? UsualSize, pixels.SpatialFactor),
            SizeMultiple = 1 << (options.BlockOutChannels.Count - 1),
            Defaults = new SamplingDefaults(50, 1),
            Parts = folder.Parts,
        };
    }
}
