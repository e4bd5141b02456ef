using System.Text.Json.Nodes;
using Millrace.Checkpoints;
using Millrace.Models.Adapters;
using Millrace.Models.Autoencoders;
using Millrace.Models.ImageEncoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Support;

/// <summary>Folders of models of every family with random weights, small enough for any test.</summary>
internal static class TinyFolders
{
    private const string Discrete = """{ "_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1, "timestep_spacing": "leading" }""";
    private const string Flow = """{ "_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0 }""";
    private const string DynamicFlow = """{ "_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_dynamic_shifting": true, "base_shift": 0.5, "max_shift": 1.15, "base_image_seq_len": 256, "max_image_seq_len": 4096 }""";

    private static readonly ClipTextOptions ClipL = TinyModel.Text with { ProjectionDim = 12 };

    private static readonly ClipTextOptions ClipG = TinyModel.Text with { HiddenSize = 24, NumHiddenLayers = 3, QuickGelu = false, ProjectionDim = 20 };

    private static readonly (string Name, Action<string> Write)[] All =
    [
        ("sd", folder => TinyModel.Save(folder)), ("sd-inpainting", StableDiffusionInpainting), ("lcm", LatentConsistency), ("sdxl", StableDiffusionXL),
        ("sdxl-inpainting", StableDiffusionXLInpainting),
        ("sdxl-refiner", StableDiffusionXLRefiner), ("sd3", StableDiffusion3), ("sd3-without-t5", folder => StableDiffusion3(folder, t5: false)), ("flux-dev", folder => Flux(folder, guidance: true)),
        ("flux-schnell", folder => Flux(folder, guidance: false)), ("pixart-alpha", folder => PixArt(folder, sigma: false)), ("pixart-sigma", folder => PixArt(folder, sigma: true)),
        ("lumina", Lumina), ("dit", DiT), ("ddpm", Ddpm),
    ];

    /// <summary>The names of all.</summary>
    public static IEnumerable<string> Names => All.Select(family => family.Name);

    /// <summary>The names of those that draw from a prompt alone.</summary>
    public static IEnumerable<string> FromPrompt => Names.Where(name => !name.EndsWith("-inpainting", StringComparison.Ordinal));

    /// <summary>Writes a model of a name.</summary>
    public static string Write(string name, string folder)
    {
        All.Single(family => family.Name == name).Write(folder);
        return folder;
    }

    /// <summary>Writes a control network for a U-Net.</summary>
    public static string ControlNet(string folder, UNet2DConditionOptions unet, int factor = 2)
    {
        Text(folder, "config.json", $$"""
            {
              "_class_name": "ControlNetModel", "block_out_channels": [{{string.Join(", ", unet.BlockOutChannels)}}], "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
              "layers_per_block": {{unet.LayersPerBlock}}, "attention_head_dim": [2, 2], "cross_attention_dim": {{unet.CrossAttentionDim}}, "norm_num_groups": 4,
              "addition_embed_type": {{(unet.AdditionTimeEmbedDim is null ? "null" : "\"text_time\"")}}, "addition_time_embed_dim": {{unet.AdditionTimeEmbedDim?.ToString() ?? "null"}},
              "projection_class_embeddings_input_dim": {{unet.ProjectionClassEmbeddingsInputDim?.ToString() ?? "null"}},
              "conditioning_embedding_out_channels": [{{string.Join(", ", Enumerable.Repeat(4, (int)Math.Log2(factor) + 1))}}]
            }
            """);
        Weights(folder, "", new ControlNetModel(ControlNetConfig.Read(Path.Combine(folder, "config.json"))));
        return folder;
    }

    /// <summary>Writes a T2I-Adapter.</summary>
    public static string T2IAdapter(string folder, T2IAdapterOptions options)
    {
        string kind = options.Kind switch { T2IAdapterKind.Light => "light_adapter", T2IAdapterKind.FullXl => "full_adapter_xl", _ => "full_adapter" };
        Text(folder, "config.json", $$"""
            {
              "_class_name": "T2IAdapter", "adapter_type": "{{kind}}", "in_channels": {{options.InChannels}}, "channels": [{{string.Join(", ", options.Channels)}}],
              "num_res_blocks": {{options.ResidualBlocks}}, "downscale_factor": {{options.DownscaleFactor}}
            }
            """);
        Weights(folder, "", new T2IAdapterModel(options));
        return folder;
    }

    /// <summary>Writes a picture encoder of CLIP's kind.</summary>
    public static string ImageEncoder(string folder, ClipVisionOptions options)
    {
        Text(folder, "config.json", $$"""
            {
              "architectures": ["{{(options.ProjectionDim is null ? "CLIPVisionModel" : "CLIPVisionModelWithProjection")}}"], "model_type": "clip_vision_model", "hidden_size": {{options.HiddenSize}},
              "intermediate_size": {{options.IntermediateSize}}, "num_hidden_layers": {{options.NumHiddenLayers}}, "num_attention_heads": {{options.NumAttentionHeads}}, "image_size": {{options.ImageSize}},
              "patch_size": {{options.PatchSize}}, "hidden_act": "{{(options.QuickGelu ? "quick_gelu" : "gelu")}}", "layer_norm_eps": {{options.LayerNormEps}}, "projection_dim": {{options.ProjectionDim ?? 512}}
            }
            """);
        Weights(folder, "", new ClipVisionModel(options), "model");
        return folder;
    }

    /// <summary>Writes an IP-Adapter with the names of the original.</summary>
    public static string IPAdapter(string path, IPAdapterOptions options)
    {
        using var network = new IPAdapterModel(options);
        SafetensorsWriter.Write(path, Drawn(network).ToDictionary(entry => OriginalName(entry.Key), entry => entry.Value));
        return path;
    }

    /// <summary>The original counts the attention to the pixels too.</summary>
    public static string OriginalName(string name)
    {
        string[] parts = name.Split('.');
        return parts[0] == "ip_adapter" ? $"ip_adapter.{(2 * int.Parse(parts[1])) + 1}.{parts[2]}.{parts[3]}" : name;
    }

    /// <summary>Writes a motion adapter for a U-Net.</summary>
    public static string MotionAdapter(string folder, UNet2DConditionOptions unet)
    {
        Text(folder, "config.json", $$"""
            {
              "_class_name": "MotionAdapter", "block_out_channels": [{{string.Join(", ", unet.BlockOutChannels)}}], "motion_layers_per_block": {{unet.LayersPerBlock}}, "motion_norm_num_groups": 4,
              "motion_num_attention_heads": 2, "motion_max_seq_length": 6, "motion_mid_block_layers_per_block": 1, "use_motion_mid_block": false
            }
            """);
        var motion = new UNetMotionOptions { MaxSequenceLength = 6, NumAttentionHeads = [2], InMiddle = false };
        using var pictures = new UNet2DConditionModel(unet);
        Weights(folder, "", new UNetMotionModel(unet with { Motion = motion }), without: pictures.state_dict().Keys);
        return folder;
    }

    private static void StableDiffusionInpainting(string folder)
    {
        TinyModel.Save(folder);
        UNet(folder, TinyModel.UNet with { InChannels = 9 });
    }

    private static void LatentConsistency(string folder)
    {
        TinyModel.Save(folder);
        UNet(folder, TinyModel.UNet with { TimeCondProjDim = 8 });
        Text(folder, "scheduler/scheduler_config.json", """{ "_class_name": "LCMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012 }""");
        Index(folder, "LatentConsistencyModelPipeline", "unet/UNet2DConditionModel", "vae/AutoencoderTiny", "text_encoder/CLIPTextModel", "tokenizer/CLIPTokenizer");
    }

    private static void StableDiffusionXL(string folder)
    {
        Index(folder, "StableDiffusionXLPipeline", "unet/UNet2DConditionModel", "vae/AutoencoderTiny", "text_encoder/CLIPTextModel", "text_encoder_2/CLIPTextModelWithProjection", "tokenizer/CLIPTokenizer", "tokenizer_2/CLIPTokenizer");
        Text(folder, "scheduler/scheduler_config.json", Discrete);
        TinyAutoencoder(folder, 4);
        Clip(folder, "", ClipL with { ProjectionDim = null });
        Clip(folder, "_2", ClipG);
        UNet(folder, TinyModel.UNet with { CrossAttentionDim = 40, AdditionTimeEmbedDim = 8, ProjectionClassEmbeddingsInputDim = 20 + (6 * 8) });
    }

    private static void StableDiffusionXLInpainting(string folder)
    {
        StableDiffusionXL(folder);
        UNet(folder, TinyModel.UNet with { InChannels = 9, CrossAttentionDim = 40, AdditionTimeEmbedDim = 8, ProjectionClassEmbeddingsInputDim = 20 + (6 * 8) });
    }

    private static void StableDiffusionXLRefiner(string folder)
    {
        Index(folder, "StableDiffusionXLImg2ImgPipeline", "unet/UNet2DConditionModel", "vae/AutoencoderTiny", "text_encoder_2/CLIPTextModelWithProjection", "tokenizer_2/CLIPTokenizer");
        Text(folder, "scheduler/scheduler_config.json", Discrete);
        TinyAutoencoder(folder, 4);
        Clip(folder, "_2", ClipG);
        UNet(folder, TinyModel.UNet with { CrossAttentionDim = 24, AdditionTimeEmbedDim = 8, ProjectionClassEmbeddingsInputDim = 20 + (5 * 8) });
    }

    private static void StableDiffusion3(string folder) => StableDiffusion3(folder, t5: true);

    private static void StableDiffusion3(string folder, bool t5)
    {
        string[] third = t5 ? ["text_encoder_3/T5EncoderModel", "tokenizer_3/T5TokenizerFast"] : [];
        Index(folder, "StableDiffusion3Pipeline", ["transformer/SD3Transformer2DModel", "vae/AutoencoderKL", "text_encoder/CLIPTextModelWithProjection", "text_encoder_2/CLIPTextModelWithProjection", "tokenizer/CLIPTokenizer", "tokenizer_2/CLIPTokenizer", .. third]);
        Text(folder, "scheduler/scheduler_config.json", Flow);
        Autoencoder(folder, 16);
        Clip(folder, "", ClipL);
        Clip(folder, "_2", ClipG);
        if (t5)
        {
            T5(folder, "_3", 48);
        }

        string config = Text(folder, "transformer/config.json", """
            {
              "_class_name": "SD3Transformer2DModel", "sample_size": 4, "in_channels": 16, "out_channels": 16, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 8,
              "joint_attention_dim": 48, "caption_projection_dim": 16, "pooled_projection_dim": 32, "pos_embed_max_size": 8
            }
            """);
        Weights(folder, "transformer", new SD3Transformer2DModel(TransformerConfig.ReadStableDiffusion3(config)));
    }

    private static void Flux(string folder, bool guidance)
    {
        Index(folder, "FluxPipeline", "transformer/FluxTransformer2DModel", "vae/AutoencoderKL", "text_encoder/CLIPTextModel", "text_encoder_2/T5EncoderModel", "tokenizer/CLIPTokenizer", "tokenizer_2/T5TokenizerFast");
        Text(folder, "scheduler/scheduler_config.json", guidance ? DynamicFlow : """{ "_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 1.0, "use_dynamic_shifting": false }""");
        Autoencoder(folder, 16);
        Clip(folder, "", ClipL with { ProjectionDim = null });
        T5(folder, "_2", 24);
        string config = Text(folder, "transformer/config.json", $$"""
            {
              "_class_name": "FluxTransformer2DModel", "in_channels": 64, "num_layers": 1, "num_single_layers": 1, "num_attention_heads": 2, "attention_head_dim": 16,
              "joint_attention_dim": 24, "pooled_projection_dim": 16, "guidance_embeds": {{(guidance ? "true" : "false")}}, "axes_dims_rope": [4, 6, 6]
            }
            """);
        Weights(folder, "transformer", new FluxTransformer2DModel(TransformerConfig.ReadFlux(config)));
    }

    private static void PixArt(string folder, bool sigma)
    {
        Index(folder, sigma ? "PixArtSigmaPipeline" : "PixArtAlphaPipeline", "transformer/PixArtTransformer2DModel", "vae/AutoencoderTiny", "text_encoder/T5EncoderModel", "tokenizer/T5Tokenizer");
        Text(folder, "scheduler/scheduler_config.json", """{ "_class_name": "DPMSolverMultistepScheduler", "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02 }""");
        TinyAutoencoder(folder, 4);
        T5(folder, "", 16);
        string config = Text(folder, "transformer/config.json", $$"""
            {
              "_class_name": "PixArtTransformer2DModel", "sample_size": 4, "in_channels": 4, "out_channels": 8, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 12,
              "cross_attention_dim": 24, "caption_channels": 16, "norm_type": "ada_norm_single", "use_additional_conditions": {{(sigma ? "false" : "true")}}
            }
            """);
        Weights(folder, "transformer", new PixArtTransformer2DModel(TransformerConfig.ReadPixArt(config)));
    }

    private static void Lumina(string folder)
    {
        Index(folder, "LuminaText2ImgPipeline", "transformer/LuminaNextDiT2DModel", "vae/AutoencoderTiny", "text_encoder/GemmaModel", "tokenizer/GemmaTokenizerFast");
        Text(folder, "scheduler/scheduler_config.json", """{ "_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 1.0 }""");
        TinyAutoencoder(folder, 4);
        GemmaTokenizer(Path.Combine(folder, "tokenizer"));
        string text = Text(folder, "text_encoder/config.json", """
            { "model_type": "gemma", "vocab_size": 300, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "hidden_act": "gelu" }
            """);
        Weights(folder, "text_encoder", new GemmaModel(GemmaConfig.Read(text)), "model");
        string config = Text(folder, "transformer/config.json", """
            {
              "_class_name": "LuminaNextDiT2DModel", "sample_size": 4, "in_channels": 4, "hidden_size": 32, "num_layers": 2, "num_attention_heads": 4, "num_kv_heads": 2, "multiple_of": 8,
              "cross_attention_dim": 16, "scaling_factor": 1.0
            }
            """);
        Weights(folder, "transformer", new LuminaNextDiT2DModel(TransformerConfig.ReadLumina(config)));
    }

    /// <summary>Writes a byte-pair tokenizer of a few words and all bytes; the path of its folder.</summary>
    public static string GemmaTokenizer(string folder)
    {
        string[] merges = ["r e", "re d", "\u2581 red", "c a", "ca r", "\u2581 car"];
        string[] tokens = ["<pad>", "<eos>", "<bos>", "<unk>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), "\u2581", "a", "c", "d", "e", "r", "t", .. merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal))];
        var vocabulary = new JsonObject([.. tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))]);
        Text(folder, "tokenizer.json", new JsonObject
        {
            ["model"] = new JsonObject { ["type"] = "BPE", ["byte_fallback"] = true, ["vocab"] = vocabulary, ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]) },
        }.ToJsonString());
        return folder;
    }

    private static void DiT(string folder)
    {
        JsonObject index = Index(folder, "DiTPipeline", "transformer/Transformer2DModel", "vae/AutoencoderTiny");
        index["id2label"] = new JsonObject { ["0"] = "tench, Tinca tinca", ["3"] = "red car" };
        Text(folder, "model_index.json", index.ToJsonString());
        Text(folder, "scheduler/scheduler_config.json", """{ "_class_name": "DDIMScheduler", "clip_sample": false }""");
        TinyAutoencoder(folder, 4);
        string config = Text(folder, "transformer/config.json", """
            {
              "_class_name": "Transformer2DModel", "sample_size": 4, "in_channels": 4, "out_channels": 8, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 8, "num_embeds_ada_norm": 10,
              "norm_type": "ada_norm_zero", "activation_fn": "gelu-approximate", "attention_bias": true, "norm_elementwise_affine": false
            }
            """);
        Weights(folder, "transformer", new DiTTransformer2DModel(TransformerConfig.ReadDiT(config)));
    }

    private static void Ddpm(string folder)
    {
        Index(folder, "DDPMPipeline", "unet/UNet2DModel");
        Text(folder, "scheduler/scheduler_config.json", """{ "_class_name": "DDPMScheduler", "clip_sample": true }""");
        string config = Text(folder, "unet/config.json", """
            {
              "_class_name": "UNet2DModel", "sample_size": 8, "block_out_channels": [8, 16], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
              "layers_per_block": 1, "attention_head_dim": 8, "norm_num_groups": 4
            }
            """);
        Weights(folder, "unet", new UNet2DModel(UNet2DConfig.Read(config)));
    }

    internal static void UNet(string folder, UNet2DConditionOptions options)
    {
        UNet2DConditionConfig.Write(Prepared(folder, "unet/config.json"), options);
        Weights(folder, "unet", new UNet2DConditionModel(options));
    }

    private static void TinyAutoencoder(string folder, int channels)
    {
        AutoencoderTinyOptions options = TinyModel.Autoencoder with { LatentChannels = channels };
        AutoencoderTinyConfig.Write(Prepared(folder, "vae/config.json"), options);
        Weights(folder, "vae", new AutoencoderTiny(options));
    }

    private static void Autoencoder(string folder, int channels)
    {
        string config = Text(folder, "vae/config.json", $$"""
            {
              "_class_name": "AutoencoderKL", "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4, "latent_channels": {{channels}}, "scaling_factor": 1.5305,
              "shift_factor": 0.0609, "use_quant_conv": false, "use_post_quant_conv": false,
              "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]
            }
            """);
        Weights(folder, "vae", new AutoencoderKL(AutoencoderKLConfig.Read(config)));
    }

    internal static void Clip(string folder, string number, ClipTextOptions options)
    {
        ClipTokenizerTrainer.Train(["a red car", "a red cat"], options.VocabSize).SaveFolder(Path.Combine(folder, "tokenizer" + number), options.MaxPositionEmbeddings);
        ClipTextConfig.Write(Prepared(folder, $"text_encoder{number}/config.json"), options);
        Weights(folder, "text_encoder" + number, new ClipTextModel(options), "model");
    }

    internal static void T5(string folder, string number, int width)
    {
        string[] pieces = ["<pad>", "</s>", "<unk>", "\u2581", "\u2581a", "\u2581red", "\u2581car", "r", "e", "d", "c", "a", "t"];
        var vocabulary = new JsonArray([.. pieces.Select((piece, id) => new JsonArray(piece, id < 3 ? 0 : -id))]);
        JsonNode[] added = [.. pieces.Take(3).Select((piece, id) => new JsonObject { ["id"] = id, ["content"] = piece, ["special"] = true })];
        Text(folder, $"tokenizer{number}/tokenizer.json", new JsonObject
        {
            ["added_tokens"] = new JsonArray(added),
            ["model"] = new JsonObject { ["type"] = "Unigram", ["unk_id"] = 2, ["vocab"] = vocabulary },
        }.ToJsonString());
        string config = Text(folder, $"text_encoder{number}/config.json", $$"""
            { "model_type": "t5", "vocab_size": {{pieces.Length}}, "d_model": {{width}}, "d_kv": 4, "d_ff": 16, "num_layers": 2, "num_heads": 2, "feed_forward_proj": "gated-gelu" }
            """);
        Weights(folder, "text_encoder" + number, new T5EncoderModel(T5Config.Read(config)), "model");
    }

    private static JsonObject Index(string folder, string pipeline, params string[] parts)
    {
        var index = new JsonObject { ["_class_name"] = pipeline };
        foreach (string[] part in parts.Select(part => part.Split('/')))
        {
            index[part[0]] = new JsonArray("any", part[1]);
        }

        Text(folder, "model_index.json", index.ToJsonString());
        return index;
    }

    internal static void Weights(string folder, string part, Module network, string name = "diffusion_pytorch_model", IEnumerable<string>? without = null)
    {
        using (network)
        {
            HashSet<string> left = [.. without ?? []];
            SafetensorsWriter.Write(
                Prepared(folder, Path.Combine(part, name + ".safetensors")),
                Drawn(network).Where(entry => !left.Contains(entry.Key)).ToDictionary(entry => entry.Key, entry => entry.Value));
        }
    }

    /// <summary>The state of a network, drawn by chance: parameters and tables that belong to no layer as well.</summary>
    internal static Dictionary<string, Tensor> Drawn(Module network)
    {
        using IDisposable noGrad = no_grad();
        using var generator = new Generator(1);
        foreach (Tensor value in network.state_dict().Values)
        {
            value.normal_(0, 0.1, generator);
        }

        return network.Initialize(generator).state_dict();
    }

    internal static string Text(string folder, string file, string content)
    {
        File.WriteAllText(Prepared(folder, file), content);
        return Path.Combine(folder, file);
    }

    private static string Prepared(string folder, string file)
    {
        string path = Path.Combine(folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }
}
