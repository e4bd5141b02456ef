using Millrace.Models.Layers;

namespace Millrace.Models.Transformers;

/// <summary>The <c>config.json</c> of the transformers of diffusers. A field that is absent or null has the default of diffusers.</summary>
public static class TransformerConfig
{
    private static readonly Dictionary<string, Activation?> FeedForwards = new()
    {
        ["gelu-approximate"] = Activation.TanhGelu,
        ["gelu"] = Activation.Gelu,
        ["geglu"] = null,
    };

    private static readonly Dictionary<string, bool> QueryKeyNorms = new() { ["rms_norm"] = true };

    /// <summary>The class that a file names.</summary>
    /// <exception cref="InvalidDataException">Where the file is not a JSON object.</exception>
    internal static string NormType(string path) => new ConfigFile(path).Choice(
        "norm_type", "layer_norm", new[] { "ada_norm_zero", "ada_norm_single", "layer_norm", "ada_norm", "ada_norm_continuous" }.ToDictionary(name => name));

    /// <summary>Reads the file of an <c>SD3Transformer2DModel</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what is not computed here; names the file and the field.</exception>
    public static StableDiffusion3Options ReadStableDiffusion3(string path)
    {
        var config = new ConfigFile(path, "SD3Transformer2DModel");
        int channels = config.Integer("in_channels", 16), heads = config.Integer("num_attention_heads", 18), head = config.Integer("attention_head_dim", 64);
        var options = new StableDiffusion3Options
        {
            InChannels = channels,
            OutChannels = config.Integer("out_channels", 16),
            SampleSize = config.Integer("sample_size", 128),
            PatchSize = config.Integer("patch_size", 2),
            NumLayers = config.Integer("num_layers", 18),
            NumAttentionHeads = heads,
            AttentionHeadDim = head,
            JointAttentionDim = config.Integer("joint_attention_dim", 4096),
            PooledProjectionDim = config.Integer("pooled_projection_dim", 2048),
            PosEmbedMaxSize = config.Integer("pos_embed_max_size", 96),
            NormalizesQueriesAndKeys = config.Choice("qk_norm", false, QueryKeyNorms),
        };
        config.Only("caption_projection_dim", $"{heads * head}");
        config.Only("dual_attention_layers", "[]");
        config.Close(options.Validate);
        return options;
    }

    /// <summary>Reads the file of a <c>FluxTransformer2DModel</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what is not computed here; names the file and the field.</exception>
    public static FluxOptions ReadFlux(string path)
    {
        var config = new ConfigFile(path, "FluxTransformer2DModel");
        var defaults = new FluxOptions();
        int channels = config.Integer("in_channels", defaults.InChannels);
        var options = new FluxOptions
        {
            InChannels = channels,
            PatchSize = config.Integer("patch_size", 1),
            NumLayers = config.Integer("num_layers", defaults.NumLayers),
            NumSingleLayers = config.Integer("num_single_layers", defaults.NumSingleLayers),
            NumAttentionHeads = config.Integer("num_attention_heads", defaults.NumAttentionHeads),
            AttentionHeadDim = config.Integer("attention_head_dim", defaults.AttentionHeadDim),
            JointAttentionDim = config.Integer("joint_attention_dim", defaults.JointAttentionDim),
            PooledProjectionDim = config.Integer("pooled_projection_dim", defaults.PooledProjectionDim),
            GuidanceEmbeds = config.Flag("guidance_embeds", false),
            AxesDimsRope = config.Integers("axes_dims_rope", defaults.AxesDimsRope),
        };
        config.Only("out_channels", $"{channels}");
        config.Close(options.Validate);
        return options;
    }

    /// <summary>Reads the file of a <c>PixArtTransformer2DModel</c>, or of a <c>Transformer2DModel</c> with <c>ada_norm_single</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what is not computed here; names the file and the field.</exception>
    public static PixArtOptions ReadPixArt(string path)
    {
        ConfigFile config = Open(path, ["PixArtTransformer2DModel", "Transformer2DModel"]);
        int sample = config.Integer("sample_size", 128), patch = config.Integer("patch_size", 2), channels = config.Integer("in_channels", 4);
        int heads = config.Integer("num_attention_heads", 16), head = config.Integer("attention_head_dim", 72);
        int? captions = config.OptionalInteger("caption_channels");
        var options = new PixArtOptions
        {
            InChannels = channels,
            OutChannels = config.Integer("out_channels", channels),
            SampleSize = sample,
            PatchSize = patch,
            NumLayers = config.Integer("num_layers", 28),
            NumAttentionHeads = heads,
            AttentionHeadDim = head,
            CrossAttentionDim = config.Integer("cross_attention_dim", heads * head),
            CaptionChannels = captions,
            AttentionBias = config.Flag("attention_bias", true),
            UpcastAttention = config.Flag("upcast_attention", false),
            FeedForward = config.Choice("activation_fn", Activation.TanhGelu, FeedForwards),
            NormEps = config.Number("norm_eps", 1e-6),
            NormElementwiseAffine = config.Flag("norm_elementwise_affine", false),
            InterpolationScale = config.Number("interpolation_scale", Math.Max(sample / 64, 1)),
            UseAdditionalConditions = config.Flag("use_additional_conditions", sample == 128),
        };
        config.Only("norm_type", "\"ada_norm_single\"");
        config.Only("attention_type", "\"default\"");
        IgnoreUnused(config);
        config.Close(options.Validate);
        return options with { Changes = StructureChangesFile.Beside(path) };
    }

    /// <summary>Reads the file of a <c>Transformer2DModel</c> or <c>DiTTransformer2DModel</c> with <c>ada_norm_zero</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what is not computed here; names the file and the field.</exception>
    public static DiTOptions ReadDiT(string path)
    {
        ConfigFile config = Open(path, ["Transformer2DModel", "DiTTransformer2DModel"]);
        int channels = config.Integer("in_channels", 4), sample = config.Integer("sample_size", 32);
        var options = new DiTOptions
        {
            InChannels = channels,
            OutChannels = config.Integer("out_channels", channels),
            SampleSize = sample,
            PatchSize = config.Integer("patch_size", 2),
            NumLayers = config.Integer("num_layers", 1),
            NumAttentionHeads = config.Integer("num_attention_heads", 16),
            AttentionHeadDim = config.Integer("attention_head_dim", 88),
            NumClasses = config.Integer("num_embeds_ada_norm"),
            AttentionBias = config.Flag("attention_bias", false),
            UpcastAttention = config.Flag("upcast_attention", false),
            FeedForward = config.Choice("activation_fn", null, FeedForwards),
            NormEps = config.Number("norm_eps", 1e-5),
            NormElementwiseAffine = config.Flag("norm_elementwise_affine", true),
            InterpolationScale = config.Number("interpolation_scale", Math.Max(sample / 64, 1)),
        };
        config.Only("norm_type", "\"ada_norm_zero\"");
        config.Only("attention_type", "\"default\"");
        IgnoreUnused(config);
        config.Close(options.Validate);
        return options with { Changes = StructureChangesFile.Beside(path) };
    }

    /// <summary>Reads the file of a <c>LuminaNextDiT2DModel</c>.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what is not computed here; names the file and the field.</exception>
    public static LuminaOptions ReadLumina(string path)
    {
        var config = new ConfigFile(path, "LuminaNextDiT2DModel");
        int heads = config.Integer("num_attention_heads", 32);
        double multiplier = config.Number("ffn_dim_multiplier", 1);
        var options = new LuminaOptions
        {
            InChannels = config.Integer("in_channels", 4),
            SampleSize = config.Integer("sample_size", 128),
            PatchSize = config.Integer("patch_size", 2),
            HiddenSize = config.Integer("hidden_size", 2304),
            NumLayers = config.Integer("num_layers", 32),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Integer("num_kv_heads", heads),
            MultipleOf = config.Integer("multiple_of", 256),
            FeedForwardMultiplier = multiplier,
            NormEps = config.Number("norm_eps", 1e-5),
            LearnsSigma = config.Flag("learn_sigma", true),
            NormalizesQueriesAndKeys = config.Flag("qk_norm", true),
            CrossAttentionDim = config.Integer("cross_attention_dim", 2048),
        };
        config.Pass(["scaling_factor"]); // Of a table of positions that the network is handed, and does not make, in diffusers.
        config.Close(options.Validate);
        return options;
    }

    private static ConfigFile Open(string path, string[] classes)
    {
        var config = new ConfigFile(path);
        _ = config.Choice("_class_name", classes[0], classes.ToDictionary(name => name));
        return config;
    }

    // Fields of kinds of Transformer2DModel that are refused by their normalization.
    private static void IgnoreUnused(ConfigFile config)
    {
        config.Pass(["norm_num_groups", "num_embeds_ada_norm", "use_linear_projection"]);
    }
}
