using System.Text.Json.Nodes;
using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>The <c>config.json</c> of a diffusers <c>UNet2DConditionModel</c>.</summary>
public static class UNet2DConditionConfig
{
    private const string ClassName = "UNet2DConditionModel";

    private static readonly Dictionary<string, UNetBlockType> UpBlocks = new()
    {
        ["UpBlock2D"] = UNetBlockType.Plain,
        ["CrossAttnUpBlock2D"] = UNetBlockType.CrossAttention,
        ["AttnUpBlock2D"] = UNetBlockType.SelfAttention,
    };

    private static readonly Dictionary<string, UNetClassEmbedding> ClassEmbeddings = new()
    {
        ["timestep"] = UNetClassEmbedding.Timestep,
        ["identity"] = UNetClassEmbedding.Identity,
        ["projection"] = UNetClassEmbedding.Projection,
        ["simple_projection"] = UNetClassEmbedding.SimpleProjection,
    };

    private static readonly Dictionary<string, bool> ScaleShifts = new() { ["default"] = false, ["scale_shift"] = true };

    private static readonly Dictionary<string, bool> FourierTimes = new() { ["positional"] = false, ["fourier"] = true };

    private static readonly Dictionary<string, UNetMidBlockType> MidBlocks = new()
    {
        ["UNetMidBlock2DCrossAttn"] = UNetMidBlockType.CrossAttention,
        ["UNetMidBlock2D"] = UNetMidBlockType.Plain,
    };

    internal static Dictionary<string, UNetBlockType> DownBlocks { get; } = new()
    {
        ["DownBlock2D"] = UNetBlockType.Plain,
        ["CrossAttnDownBlock2D"] = UNetBlockType.CrossAttention,
        ["AttnDownBlock2D"] = UNetBlockType.SelfAttention,
    };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="UNet2DConditionModel"/> does not compute; names the file and the field.</exception>
    public static UNet2DConditionOptions Read(string path)
    {
        var config = new ConfigFile(path, ClassName);
        UNet2DConditionOptions options = ReadCommon(config);
        int stages = options.BlockOutChannels.Count;
        options = options with
        {
            OutChannels = config.Integer("out_channels", 4),
            SampleSize = config.OptionalSide("sample_size") ?? 64,
            UpBlockTypes = config.Choices("up_block_types", options.UpBlockTypes, UpBlocks),
            ReverseTransformerLayersPerBlock = config.Depths("reverse_transformer_layers_per_block", stages),
            ConvInKernel = config.Integer("conv_in_kernel", 3),
            ConvOutKernel = config.Integer("conv_out_kernel", 3),
            CenterInputSample = config.Flag("center_input_sample", false),
            ClassEmbeddingsConcat = config.Flag("class_embeddings_concat", false),
            TimeCondProjDim = config.OptionalInteger("time_cond_proj_dim"),
            FourierTime = config.Choice("time_embedding_type", false, FourierTimes),
            TimeEmbeddingDim = config.OptionalInteger("time_embedding_dim"),
            TimestepPostActivation = config.OptionalActivation("timestep_post_act"),
            TimeEmbeddingActivation = config.OptionalActivation("time_embedding_act_fn"),
        };
        config.Only("attention_type", "\"default\"");

        // These change blocks of kinds that are refused above, and none of those that are not.
        config.Pass(["resnet_out_scale_factor", "resnet_skip_time_act", "cross_attention_norm", "mid_block_only_cross_attention"]);

        config.Close(options.Validate);
        return options with { Changes = StructureChangesFile.Beside(path) };
    }

    /// <summary>The fields that the encoder half of a U-Net and a control network share.</summary>
    internal static UNet2DConditionOptions ReadCommon(ConfigFile config)
    {
        var defaults = new UNet2DConditionOptions();
        IReadOnlyList<int> widths = config.Integers("block_out_channels", defaults.BlockOutChannels);
        int stages = widths.Count;
        IReadOnlyList<int> layers = config.IntegerOrIntegers("layers_per_block", 2, stages);
        bool even = layers.Distinct().Count() == 1;
        int? classes = config.OptionalInteger("num_class_embeds");
        var options = new UNet2DConditionOptions
        {
            InChannels = config.Integer("in_channels", 4),
            BlockOutChannels = widths,
            DownBlockTypes = config.Choices("down_block_types", defaults.DownBlockTypes, DownBlocks),
            LayersPerBlock = even ? layers[0] : defaults.LayersPerBlock,
            LayersPerStage = even ? [] : layers,
            TransformerLayersPerBlock = config.Depths("transformer_layers_per_block", stages),
            OnlyCrossAttention = config.Flags("only_cross_attention", stages),
            NumAttentionHeads = config.IntegerOrIntegers("attention_head_dim", 8, stages),
            MidBlockType = config.HasNull("mid_block_type") ? UNetMidBlockType.None : config.Choice("mid_block_type", UNetMidBlockType.CrossAttention, MidBlocks),
            MidBlockScaleFactor = config.Number("mid_block_scale_factor", 1),
            CrossAttentionDim = config.SameInteger("cross_attention_dim", 1280),
            NormNumGroups = config.Integer("norm_num_groups", 32),
            NormEps = config.Number("norm_eps", 1e-5),
            UseLinearProjection = config.Flag("use_linear_projection", false),
            UpcastAttention = config.Flag("upcast_attention", false),
            Activation = config.Activation("act_fn", Activation.Silu),
            FlipSinToCos = config.Flag("flip_sin_to_cos", true),
            FreqShift = config.Number("freq_shift", 0),
            PadAfterOnly = config.Choice("downsample_padding", false, new Dictionary<int, bool> { [0] = true, [1] = false }),
            ScaleShift = config.Choice("resnet_time_scale_shift", false, ScaleShifts),
            ClassEmbedding = config.Choice("class_embed_type", classes is null ? UNetClassEmbedding.None : UNetClassEmbedding.Table, ClassEmbeddings),
            NumClassEmbeds = classes,
            ProjectionClassEmbeddingsInputDim = config.OptionalInteger("projection_class_embeddings_input_dim"),
            EncoderHidDim = config.OptionalInteger("encoder_hid_dim"),
        };
        config.Only("encoder_hid_dim_type", "\"text_proj\"");
        config.Only("addition_embed_type", "\"text_time\"");
        config.Pass(["addition_embed_type_num_heads"]); // Of a kind of added embedding that is refused above.
        int? sizes = config.OptionalInteger("addition_time_embed_dim");
        return options with { AdditionTimeEmbedDim = config.Had("addition_embed_type") ? sizes ?? 256 : null };
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and diffusers, make the same network; its changes stand in a file beside it that diffusers does not read.</summary>
    public static void Write(string path, UNet2DConditionOptions options)
    {
        static JsonArray Lists(IReadOnlyList<IReadOnlyList<int>> lists) =>
            lists.All(list => list.Count == 1) ? [.. lists.Select(list => JsonValue.Create(list[0]))] : [.. lists.Select(list => new JsonArray([.. list]))];
        static string Name<T>(Dictionary<string, T> names, T value) => names.First(entry => Equals(entry.Value, value)).Key;
        static string? NameOrNull(Activation? activation) => activation is { } known ? ConfigFile.NameOf(known) : null;
        var config = new JsonObject
        {
            ["_class_name"] = ClassName,
            ["in_channels"] = options.InChannels,
            ["out_channels"] = options.OutChannels,
            ["sample_size"] = options.SampleSize,
            ["block_out_channels"] = new JsonArray([.. options.BlockOutChannels]),
            ["down_block_types"] = new JsonArray([.. options.DownBlockTypes.Select(type => Name(DownBlocks, type))]),
            ["mid_block_type"] = options.MidBlockType == UNetMidBlockType.None ? null : Name(MidBlocks, options.MidBlockType),
            ["up_block_types"] = new JsonArray([.. options.UpBlockTypes.Select(type => Name(UpBlocks, type))]),
            ["layers_per_block"] = options.LayersPerStage.Count > 0 ? new JsonArray([.. options.LayersPerStage]) : options.LayersPerBlock,
            ["attention_head_dim"] = new JsonArray([.. options.NumAttentionHeads]),
            ["cross_attention_dim"] = options.CrossAttentionDim,
            ["norm_num_groups"] = options.NormNumGroups,
            ["norm_eps"] = options.NormEps,
            ["use_linear_projection"] = options.UseLinearProjection,
            ["upcast_attention"] = options.UpcastAttention,
            ["act_fn"] = ConfigFile.NameOf(options.Activation),
            ["flip_sin_to_cos"] = options.FlipSinToCos,
            ["freq_shift"] = options.FreqShift,
            ["mid_block_scale_factor"] = options.MidBlockScaleFactor,
            ["conv_in_kernel"] = options.ConvInKernel,
            ["conv_out_kernel"] = options.ConvOutKernel,
            ["downsample_padding"] = options.PadAfterOnly ? 0 : 1,
            ["center_input_sample"] = options.CenterInputSample,
            ["resnet_time_scale_shift"] = Name(ScaleShifts, options.ScaleShift),
            ["class_embed_type"] = options.ClassEmbedding is UNetClassEmbedding.None or UNetClassEmbedding.Table ? null : Name(ClassEmbeddings, options.ClassEmbedding),
            ["num_class_embeds"] = options.NumClassEmbeds,
            ["projection_class_embeddings_input_dim"] = options.ProjectionClassEmbeddingsInputDim,
            ["class_embeddings_concat"] = options.ClassEmbeddingsConcat,
            ["addition_embed_type"] = options.AdditionTimeEmbedDim is null ? null : "text_time",
            ["addition_time_embed_dim"] = options.AdditionTimeEmbedDim,
            ["time_cond_proj_dim"] = options.TimeCondProjDim,
            ["encoder_hid_dim"] = options.EncoderHidDim,
            ["encoder_hid_dim_type"] = options.EncoderHidDim is null ? null : "text_proj",
            ["time_embedding_type"] = Name(FourierTimes, options.FourierTime),
            ["time_embedding_dim"] = options.TimeEmbeddingDim,
            ["timestep_post_act"] = NameOrNull(options.TimestepPostActivation),
            ["time_embedding_act_fn"] = NameOrNull(options.TimeEmbeddingActivation),
        };
        if (options.TransformerLayersPerBlock.Count > 0)
        {
            config["transformer_layers_per_block"] = Lists(options.TransformerLayersPerBlock);
        }

        if (options.ReverseTransformerLayersPerBlock.Count > 0)
        {
            config["reverse_transformer_layers_per_block"] = Lists(options.ReverseTransformerLayersPerBlock);
        }

        if (options.OnlyCrossAttention.Count > 0)
        {
            config["only_cross_attention"] = new JsonArray([.. options.OnlyCrossAttention]);
        }

        ConfigFile.Write(path, config);
        StructureChangesFile.Write(path, options.Changes);
    }
}
