using System.Text.Json.Nodes;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>All families of single files: what each is made of, under which names, and what was fixed when it was trained.</summary>
internal static class SingleFileFamilies
{
    private const string Network = "model.diffusion_model.", Latents = "first_stage_model.", LatentsOfBundles = "vae.", Texts = "text_encoders.";

    private static readonly SingleFileFamily StableDiffusion1 = new()
    {
        Kind = CheckpointKind.StableDiffusion1,
        Pipeline = "StableDiffusionPipeline",
        Parts = [UNet(64), Autoencoder(0.18215), Clip("text_encoder", "cond_stage_model.transformer.")],
        Scheduler = (prediction, zero) => Discrete(zero ? "DDIMScheduler" : "PNDMScheduler", prediction, zero),
    };

    private static readonly SingleFileFamily Refiner = new()
    {
        Kind = CheckpointKind.StableDiffusionXLRefiner,
        Pipeline = "StableDiffusionXLImg2ImgPipeline",
        Parts = [UNet(128), Autoencoder(0.13025), OpenClip("text_encoder_2", "conditioner.embedders.0.model.")],
        Scheduler = (prediction, zero) => Discrete(zero ? "DDIMScheduler" : "EulerDiscreteScheduler", prediction, zero),
    };

    private static readonly SingleFileFamily FluxDev = new()
    {
        Kind = CheckpointKind.FluxDev,
        Pipeline = "FluxPipeline",
        Prediction = PredictionType.Flow,
        Parts =
        [
            new PartForm
            {
                Folder = "transformer",
                Class = ("diffusers", "FluxTransformer2DModel"),
                Prefixes = [Network, ""],
                OfSingle = FluxNames.OfSingle,
                OfFolder = FluxNames.OfFolder,
                WriteConfig = PartShapes.WriteFlux,
            },
            Autoencoder(0.3611, 0.1159, LatentsOfBundles, Latents),
            Clip("text_encoder", $"{Texts}clip_l.transformer."),
            T5("text_encoder_2"),
        ],
        Scheduler = (_, _) => Flow(3, dynamic: true),
    };

    /// <summary>The families.</summary>
    public static IReadOnlyList<SingleFileFamily> All { get; } =
    [
        StableDiffusion1,
        StableDiffusion1 with
        {
            Kind = CheckpointKind.StableDiffusion2,
            Prediction = null,
            Parts = [UNet(96), Autoencoder(0.18215), OpenClip("text_encoder", "cond_stage_model.model.") with { Class = ("transformers", "CLIPTextModel"), OfSingle = OpenClipNames.OfSingleWithoutLast }],
            Scheduler = (prediction, zero) => Discrete("DDIMScheduler", prediction, zero),
        },
        Refiner with
        {
            Kind = CheckpointKind.StableDiffusionXL,
            Pipeline = "StableDiffusionXLPipeline",
            Parts = [.. Refiner.Parts.Take(2), Clip("text_encoder", "conditioner.embedders.0.transformer."), OpenClip("text_encoder_2", "conditioner.embedders.1.model.")],
        },
        Refiner,
        new SingleFileFamily
        {
            Kind = CheckpointKind.StableDiffusion3,
            Pipeline = "StableDiffusion3Pipeline",
            Prediction = PredictionType.Flow,
            Parts =
            [
                new PartForm
                {
                    Folder = "transformer",
                    Class = ("diffusers", "SD3Transformer2DModel"),
                    Prefixes = [Network],
                    OfSingle = StableDiffusion3Names.OfSingle,
                    OfFolder = StableDiffusion3Names.OfFolder,
                    WriteConfig = PartShapes.WriteStableDiffusion3,
                },
                Autoencoder(1.5305, 0.0609),
                Clip("text_encoder", $"{Texts}clip_l.transformer.") with { Class = ("transformers", "CLIPTextModelWithProjection") },
                Clip("text_encoder_2", $"{Texts}clip_g.transformer.", quick: false) with { Class = ("transformers", "CLIPTextModelWithProjection"), Tokenizer = TokenizerForm.OpenClip },
                T5("text_encoder_3") with { Optional = true },
            ],
            Scheduler = (_, _) => Flow(3, dynamic: false),
        },
        FluxDev,
        FluxDev with { Kind = CheckpointKind.FluxSchnell, Scheduler = (_, _) => Flow(1, dynamic: false) },
    ];

    private static PartForm UNet(int sampleSize) => new()
    {
        Folder = "unet",
        Class = ("diffusers", "UNet2DConditionModel"),
        Prefixes = [Network],
        OfSingle = UNetNames.OfSingle,
        OfFolder = UNetNames.OfFolder,
        WriteConfig = (path, names) => PartShapes.WriteUNet(path, names, sampleSize),
    };

    private static PartForm Autoencoder(double scaling, double shift = 0, params string[] prefixes) => new()
    {
        Folder = "vae",
        Class = ("diffusers", "AutoencoderKL"),
        Prefixes = prefixes.Length > 0 ? prefixes : [Latents, LatentsOfBundles],
        OfSingle = AutoencoderNames.OfSingle,
        OfFolder = AutoencoderNames.OfFolder,
        WriteConfig = (path, names) => PartShapes.WriteAutoencoder(path, names, scaling, shift),
    };

    private static PartForm Clip(string folder, string prefix, bool quick = true) => new()
    {
        Folder = folder,
        Class = ("transformers", "CLIPTextModel"),
        Prefixes = [prefix],
        OfSingle = ClipNames.OfSingle,
        OfFolder = ClipNames.OfFolder,
        WriteConfig = (path, names) => PartShapes.WriteClip(path, names, quick),
        Weights = WeightFiles.Transformers,
        Tokenizer = TokenizerForm.Clip,
    };

    private static PartForm OpenClip(string folder, string prefix) => Clip(folder, prefix, quick: false) with
    {
        Class = ("transformers", "CLIPTextModelWithProjection"),
        OfSingle = OpenClipNames.OfSingle,
        OfFolder = OpenClipNames.OfFolder,
        Tokenizer = TokenizerForm.OpenClip,
    };

    private static PartForm T5(string folder) => Clip(folder, $"{Texts}t5xxl.transformer.") with
    {
        Class = ("transformers", "T5EncoderModel"),
        OfSingle = _ => NameMap.Same,
        OfFolder = _ => NameMap.Same,
        WriteConfig = PartShapes.WriteT5,
        Tokenizer = TokenizerForm.T5,
    };

    private static JsonObject Discrete(string name, PredictionType prediction, bool zeroTerminalSnr) => new()
    {
        ["_class_name"] = name,
        ["num_train_timesteps"] = 1000,
        ["beta_schedule"] = "scaled_linear",
        ["beta_start"] = 0.00085,
        ["beta_end"] = 0.012,
        ["prediction_type"] = prediction == PredictionType.VPrediction ? "v_prediction" : "epsilon",
        ["rescale_betas_zero_snr"] = zeroTerminalSnr,
        ["timestep_spacing"] = zeroTerminalSnr ? "trailing" : "leading",
        ["steps_offset"] = zeroTerminalSnr ? 0 : 1,
        ["clip_sample"] = false,
        ["set_alpha_to_one"] = false,
        ["skip_prk_steps"] = true,
    };

    private static JsonObject Flow(double shift, bool dynamic)
    {
        var flow = new JsonObject { ["_class_name"] = "FlowMatchEulerDiscreteScheduler", ["num_train_timesteps"] = 1000, ["shift"] = shift, ["use_dynamic_shifting"] = dynamic };
        if (dynamic)
        {
            (flow["base_shift"], flow["max_shift"], flow["base_image_seq_len"], flow["max_image_seq_len"]) = (0.5, 1.15, 256, 4096);
        }

        return flow;
    }
}
