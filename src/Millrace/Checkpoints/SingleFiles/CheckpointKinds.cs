namespace Millrace.Checkpoints.SingleFiles;

/// <summary>What a file holds, told from names and shapes of its tensors. The first line that fits counts.</summary>
internal static class CheckpointKinds
{
    private const string Network = "model.diffusion_model.", Context = "middle_block.1.transformer_blocks.0.attn2.to_k.weight";

    // The width of SDXL's text is that of its two encoders together, the refiner's that of its one.
    private const int WidthOfRefiner = 1280;

    private static readonly (CheckpointKind Kind, Func<NameSet, bool> Fits)[] Lines =
    [
        (CheckpointKind.LowRankAdapter, names => names.Names.Any(name => new[] { ".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".lora.down.", ".lora.up.", ".hada_w1", ".lokr_w1" }.Any(name.Contains))),
        (CheckpointKind.ControlNet, names => names.HasAny("control_model.") || names.HasAny("controlnet_cond_embedding.") || names.HasAny("input_hint_block.") || names.HasAny("controlnet_blocks.")),
        (CheckpointKind.ImagePromptAdapter, names => names.HasAny("ip_adapter.") || names.HasAny("image_proj.")),
        (CheckpointKind.SketchAdapter, names => names.HasAny("adapter.body.") || names.HasAny("body.0.")),
        (CheckpointKind.MotionModule, names => names.Names.Any(name => name.Contains(".motion_modules.", StringComparison.Ordinal)) && !names.Has("conv_in.weight") && !names.HasAny(Network)),
        (CheckpointKind.FluxDev, names => OfNetwork(names, "double_blocks.0.img_attn.qkv.weight") && OfNetwork(names, "guidance_in.in_layer.weight")),
        (CheckpointKind.FluxSchnell, names => OfNetwork(names, "double_blocks.0.img_attn.qkv.weight")),
        (CheckpointKind.StableDiffusion3, names => names.Has($"{Network}joint_blocks.0.x_block.attn.qkv.weight")),
        (CheckpointKind.StableDiffusionXLRefiner, names => HasSizes(names) && (names.HasAny("conditioner.embedders.0.model.") || (names.Has(Network + Context) && names.Side(Network + Context, 1) == WidthOfRefiner))),
        (CheckpointKind.StableDiffusionXL, HasSizes),
        (CheckpointKind.StableDiffusion2, names => IsUNet(names) && (names.HasAny("cond_stage_model.model.") || (names.Has($"{Network}middle_block.1.proj_in.weight") && names.Shape($"{Network}middle_block.1.proj_in.weight").Count == 2))),
        (CheckpointKind.StableDiffusion1, IsUNet),
        (CheckpointKind.DenoisingNetwork, names => names.Has("conv_in.weight") && names.HasAny("down_blocks.0.") || names.HasAny("transformer_blocks.0.") || names.HasAny("blocks.0.adaLN_modulation.") || names.HasAny("input_blocks.0.") || names.HasAny("joint_blocks.0.")),
        (CheckpointKind.Autoencoder, names => new[] { "", "first_stage_model.", "vae." }.Any(prefix => names.Has($"{prefix}decoder.conv_in.weight") && (names.HasAny($"{prefix}decoder.up.") || names.HasAny($"{prefix}decoder.up_blocks.")))),
        (CheckpointKind.TinyAutoencoder, names => names.Has("decoder.layers.0.weight") || (names.Has("3.conv.0.weight") && names.Names.All(name => char.IsAsciiDigit(name[0])))),
        (CheckpointKind.ImageEncoder, names => names.HasAny("vision_model.encoder.layers.") && !names.HasAny("text_model.")),
        (CheckpointKind.TextEncoder, names => names.HasAny("text_model.encoder.layers.") || names.HasAny("transformer.resblocks.") || names.HasAny("encoder.block.0.layer.") || names.HasAny("layers.0.self_attn.q_proj.") || names.HasAny("model.layers.0.self_attn.")),
        (CheckpointKind.TextualInversion, names => names.Has("emb_params") || names.HasAny("string_to_param.") || names.Has("clip_l")),
    ];

    /// <summary>The kind of a file.</summary>
    public static CheckpointKind Of(NameSet names) => Lines.FirstOrDefault(line => line.Fits(names)).Kind;

    /// <summary>The kind in words.</summary>
    public static string Describe(CheckpointKind kind) => kind switch
    {
        CheckpointKind.StableDiffusion1 => "Stable Diffusion 1.x",
        CheckpointKind.StableDiffusion2 => "Stable Diffusion 2.x",
        CheckpointKind.StableDiffusionXL => "SDXL",
        CheckpointKind.StableDiffusionXLRefiner => "SDXL refiner",
        CheckpointKind.StableDiffusion3 => "Stable Diffusion 3",
        CheckpointKind.FluxDev => "FLUX.1 dev",
        CheckpointKind.FluxSchnell => "FLUX.1 schnell",
        CheckpointKind.OtherModel => "another model",
        CheckpointKind.DenoisingNetwork => "a denoising network alone",
        CheckpointKind.Autoencoder => "an autoencoder alone",
        CheckpointKind.TinyAutoencoder => "a tiny autoencoder alone",
        CheckpointKind.TextEncoder => "a text encoder alone",
        CheckpointKind.LowRankAdapter => "a LoRA",
        CheckpointKind.ControlNet => "a ControlNet",
        CheckpointKind.SketchAdapter => "a T2I-Adapter",
        CheckpointKind.ImagePromptAdapter => "an IP-Adapter",
        CheckpointKind.ImageEncoder => "an encoder of pictures alone",
        CheckpointKind.MotionModule => "motion modules",
        CheckpointKind.TextualInversion => "a textual inversion",
        _ => "tensors of no known kind",
    };

    private static bool OfNetwork(NameSet names, string name) => names.Has(name) || names.Has(Network + name);

    private static bool IsUNet(NameSet names) => names.Has($"{Network}input_blocks.0.0.weight");

    private static bool HasSizes(NameSet names) => IsUNet(names) && names.HasAny($"{Network}label_emb.");
}
