using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;

namespace Millrace.Tests.Support;

/// <summary>Small random folders that keep the rules of the published families: heads, groups and factors that no weight tells.</summary>
internal static class PublishedFolders
{
    private static readonly UNet2DConditionOptions UNet = new()
    {
        SampleSize = 8,
        BlockOutChannels = [32, 64],
        DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention],
        LayersPerBlock = 1,
        NumAttentionHeads = [8, 8],
        CrossAttentionDim = 64,
    };

    private static readonly UNet2DConditionOptions LinearUNet = UNet with { BlockOutChannels = [64, 128], UseLinearProjection = true, NumAttentionHeads = [1, 2] };

    private static readonly ClipTextOptions Clip = TinyModel.Text with { HiddenSize = 64, NumAttentionHeads = 1 };

    private static readonly ClipTextOptions OpenClip = Clip with { HiddenSize = 128, NumAttentionHeads = 2, NumHiddenLayers = 3, QuickGelu = false };

    public static IEnumerable<string> Names => ["sd1", "sd2", "sdxl", "sdxl-refiner", "sd3", "flux-dev", "flux-schnell"];

    /// <summary>Writes a model of a name.</summary>
    public static string Write(string name, string folder)
    {
        CheckpointKind kind = name switch
        {
            "sd1" => StableDiffusion(folder, UNet, Clip, CheckpointKind.StableDiffusion1),
            "sd2" => StableDiffusion(folder, LinearUNet with { CrossAttentionDim = 128 }, OpenClip, CheckpointKind.StableDiffusion2),
            "sdxl" => StableDiffusionXL(folder, refiner: false),
            "sdxl-refiner" => StableDiffusionXL(folder, refiner: true),
            "sd3" => StableDiffusion3(folder),
            _ => Flux(folder, guidance: name == "flux-dev"),
        };
        SingleFileFamily family = SingleFileFamilies.All.Single(family => family.Kind == kind);
        ConfigFile.Write(Path.Combine(folder, "model_index.json"), family.Index([.. family.Parts.Select(part => part.Folder)]));
        Directory.CreateDirectory(Path.Combine(folder, "scheduler"));
        ConfigFile.Write(Path.Combine(folder, "scheduler", "scheduler_config.json"), family.Scheduler(kind == CheckpointKind.StableDiffusion2 ? PredictionType.VPrediction : PredictionType.Epsilon, false));
        return folder;
    }

    private static CheckpointKind StableDiffusion(string folder, UNet2DConditionOptions unet, ClipTextOptions text, CheckpointKind kind)
    {
        TinyFolders.UNet(folder, unet with { SampleSize = kind == CheckpointKind.StableDiffusion1 ? 64 : 96 });
        Autoencoder(folder, 4, 0.18215);
        TinyFolders.Clip(folder, "", text);
        return kind;
    }

    private static CheckpointKind StableDiffusionXL(string folder, bool refiner)
    {
        ClipTextOptions second = OpenClip with { ProjectionDim = 128 };
        int text = second.HiddenSize + (refiner ? 0 : Clip.HiddenSize), sizes = refiner ? 5 : 6;
        TinyFolders.UNet(folder, LinearUNet with { SampleSize = 128, CrossAttentionDim = text, AdditionTimeEmbedDim = 256, ProjectionClassEmbeddingsInputDim = 128 + (sizes * 256) });
        Autoencoder(folder, 4, 0.13025);
        TinyFolders.Clip(folder, "_2", second);
        if (!refiner)
        {
            TinyFolders.Clip(folder, "", Clip);
        }

        return refiner ? CheckpointKind.StableDiffusionXLRefiner : CheckpointKind.StableDiffusionXL;
    }

    private static CheckpointKind StableDiffusion3(string folder)
    {
        Autoencoder(folder, 16, 1.5305, 0.0609);
        TinyFolders.Clip(folder, "", Clip with { ProjectionDim = 64 });
        TinyFolders.Clip(folder, "_2", OpenClip with { ProjectionDim = 128 });
        TinyFolders.T5(folder, "_3", 192);
        string config = TinyFolders.Text(folder, "transformer/config.json", """
            {
              "_class_name": "SD3Transformer2DModel", "sample_size": 128, "in_channels": 16, "out_channels": 16, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 64,
              "joint_attention_dim": 192, "caption_projection_dim": 128, "pooled_projection_dim": 192, "pos_embed_max_size": 8
            }
            """);
        TinyFolders.Weights(folder, "transformer", new SD3Transformer2DModel(TransformerConfig.ReadStableDiffusion3(config)));
        return CheckpointKind.StableDiffusion3;
    }

    private static CheckpointKind Flux(string folder, bool guidance)
    {
        Autoencoder(folder, 16, 0.3611, 0.1159);
        TinyFolders.Clip(folder, "", Clip);
        TinyFolders.T5(folder, "_2", 24);
        string config = TinyFolders.Text(folder, "transformer/config.json", $$"""
            {
              "_class_name": "FluxTransformer2DModel", "in_channels": 64, "num_layers": 1, "num_single_layers": 2, "num_attention_heads": 2, "attention_head_dim": 32,
              "joint_attention_dim": 24, "pooled_projection_dim": 64, "guidance_embeds": {{(guidance ? "true" : "false")}}, "axes_dims_rope": [4, 14, 14]
            }
            """);
        TinyFolders.Weights(folder, "transformer", new FluxTransformer2DModel(TransformerConfig.ReadFlux(config)));
        return guidance ? CheckpointKind.FluxDev : CheckpointKind.FluxSchnell;
    }

    private static void Autoencoder(string folder, int channels, double scaling, double shift = 0)
    {
        string projects = channels == 4 ? "true" : "false";
        string config = TinyFolders.Text(folder, "vae/config.json", $$"""
            {
              "_class_name": "AutoencoderKL", "block_out_channels": [32, 32], "layers_per_block": 1, "latent_channels": {{channels}}, "scaling_factor": {{scaling}},
              "shift_factor": {{shift}}, "use_quant_conv": {{projects}}, "use_post_quant_conv": {{projects}},
              "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]
            }
            """);
        TinyFolders.Weights(folder, "vae", new AutoencoderKL(AutoencoderKLConfig.Read(config)));
    }
}
