using Millrace.Checkpoints.Schedulers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints.Families;

/// <summary>Stable Diffusion 1.x and 2.x, latent consistency models, inpainting models.</summary>
internal static class StableDiffusion
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["unet"] = ["UNet2DConditionModel"],
        ["vae"] = ["AutoencoderKL", "AutoencoderTiny"],
        ["text_encoder"] = ["CLIPTextModel", "CLIPTextModelWithProjection"],
        ["tokenizer"] = ["CLIPTokenizer", "CLIPTokenizerFast"],
    };

    public static DiffusionModel Assemble(ModelFolder folder) => AssembleParts(folder).ToModel(folder.Name);

    public static StableDiffusionParts AssembleParts(ModelFolder folder)
    {
        folder.Index.Check(Allowed);
        DiffusersScheduler scheduler = SchedulerConfig.Read(folder.Require("scheduler", "scheduler_config.json"));
        UNet2DConditionModel unet = UNet(folder);
        IAutoencoder autoencoder = folder.Autoencoder();
        (ClipTextModel text, ClipTokenizer tokenizer) = folder.Clip();
        var parts = new StableDiffusionParts(unet, autoencoder, text, tokenizer, scheduler.Process, scheduler.Prediction) { Scheduler = scheduler };
        parts.Validate();
        return parts;
    }

    public static UNet2DConditionModel UNet(ModelFolder folder) => folder.Network("unet", UNet2DConditionConfig.Read, (options, tensors) => new UNet2DConditionModel(options, tensors));
}
