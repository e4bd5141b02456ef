using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>The <c>config.json</c> of a diffusers <c>UNetMotionModel</c>.</summary>
public static class UNetMotionConfig
{
    private static readonly Dictionary<string, UNetBlockType> DownBlocks = new()
    {
        ["DownBlockMotion"] = UNetBlockType.Plain,
        ["CrossAttnDownBlockMotion"] = UNetBlockType.CrossAttention,
    };

    private static readonly Dictionary<string, UNetBlockType> UpBlocks = new()
    {
        ["UpBlockMotion"] = UNetBlockType.Plain,
        ["CrossAttnUpBlockMotion"] = UNetBlockType.CrossAttention,
    };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="UNetMotionModel"/> does not compute; names the file and the field.</exception>
    public static UNet2DConditionOptions Read(string path)
    {
        var config = new ConfigFile(path, "UNetMotionModel");
        var defaults = new UNet2DConditionOptions();
        IReadOnlyList<int> widths = config.Integers("block_out_channels", defaults.BlockOutChannels);
        int stages = widths.Count, middleLayers = config.Integer("mid_block_layers", 1);
        IReadOnlyList<int> layers = config.IntegerOrIntegers("layers_per_block", 2, stages);
        bool even = layers.Distinct().Count() == 1;
        var options = new UNet2DConditionOptions
        {
            InChannels = config.Integer("in_channels", 4),
            OutChannels = config.Integer("out_channels", 4),
            SampleSize = config.OptionalSide("sample_size") ?? 64,
            BlockOutChannels = widths,
            DownBlockTypes = config.Choices("down_block_types", defaults.DownBlockTypes, DownBlocks),
            UpBlockTypes = config.Choices("up_block_types", defaults.UpBlockTypes, UpBlocks),
            LayersPerBlock = even ? layers[0] : defaults.LayersPerBlock,
            LayersPerStage = even ? [] : layers,
            TransformerLayersPerBlock = config.Depths("transformer_layers_per_block", stages),
            ReverseTransformerLayersPerBlock = config.Depths("reverse_transformer_layers_per_block", stages),
            NumAttentionHeads = config.IntegerOrIntegers("num_attention_heads", 8, stages),
            MidBlockScaleFactor = config.Number("mid_block_scale_factor", 1),
            CrossAttentionDim = config.SameInteger("cross_attention_dim", 1280),
            NormNumGroups = config.Integer("norm_num_groups", 32),
            NormEps = config.Number("norm_eps", 1e-5),
            UseLinearProjection = config.Flag("use_linear_projection", false),
            Activation = config.Activation("act_fn", Activation.Silu),
            PadAfterOnly = config.Choice("downsample_padding", false, new Dictionary<int, bool> { [0] = true, [1] = false }),
            TimeCondProjDim = config.OptionalInteger("time_cond_proj_dim"),
            ProjectionClassEmbeddingsInputDim = config.OptionalInteger("projection_class_embeddings_input_dim"),
            Motion = new UNetMotionOptions
            {
                MaxSequenceLength = config.Integer("motion_max_seq_length", 32),
                NumAttentionHeads = config.IntegerOrIntegers("motion_num_attention_heads", 8, stages),
                ReverseNumAttentionHeads = config.IntegersOrNone("reverse_motion_num_attention_heads", stages),
                TransformerLayersPerBlock = config.Depths("temporal_transformer_layers_per_block", stages),
                ReverseTransformerLayersPerBlock = config.Depths("reverse_temporal_transformer_layers_per_block", stages),
                InMiddle = config.Flag("use_motion_mid_block", true),
                MidBlockLayers = middleLayers,
                TransformerLayersPerMidBlock = config.IntegersOrNone("transformer_layers_per_mid_block", middleLayers),
                TemporalTransformerLayersPerMidBlock = config.IntegerOrIntegers("temporal_transformer_layers_per_mid_block", 1, middleLayers),
            },
        };
        config.Only("addition_embed_type", "\"text_time\"");
        int? sizes = config.OptionalInteger("addition_time_embed_dim");
        options = options with { AdditionTimeEmbedDim = config.Had("addition_embed_type") ? sizes ?? 256 : null };
        config.Close(options.Validate);
        return options;
    }
}
