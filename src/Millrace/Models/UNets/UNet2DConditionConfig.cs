using System.Text.Json.Nodes;
using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>The <c>config.json</c> of a diffusers <c>UNet2DConditionModel</c>.</summary>
public static class UNet2DConditionConfig
{
    private const string ClassName = "UNet2DConditionModel";

    private static readonly Dictionary<string, UNetBlockType> DownBlocks = new()
    {
        ["DownBlock2D"] = UNetBlockType.Plain,
        ["CrossAttnDownBlock2D"] = UNetBlockType.CrossAttention,
    };

    private static readonly Dictionary<string, UNetBlockType> UpBlocks = new()
    {
        ["UpBlock2D"] = UNetBlockType.Plain,
        ["CrossAttnUpBlock2D"] = UNetBlockType.CrossAttention,
    };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="UNet2DConditionModel"/> does not compute; names the file and the field.</exception>
    public static UNet2DConditionOptions Read(string path)
    {
        var config = new ConfigFile(path, ClassName);
        var defaults = new UNet2DConditionOptions();
        IReadOnlyList<int> widths = config.Integers("block_out_channels", defaults.BlockOutChannels);
        var options = new UNet2DConditionOptions
        {
            InChannels = config.Integer("in_channels", 4),
            OutChannels = config.Integer("out_channels", 4),
            SampleSize = config.Integer("sample_size", 64),
            BlockOutChannels = widths,
            DownBlockTypes = config.Choices("down_block_types", defaults.DownBlockTypes, DownBlocks),
            UpBlockTypes = config.Choices("up_block_types", defaults.UpBlockTypes, UpBlocks),
            LayersPerBlock = config.Integer("layers_per_block", 2),
            NumAttentionHeads = config.IntegerOrIntegers("attention_head_dim", 8, widths.Count),
            CrossAttentionDim = config.Integer("cross_attention_dim", 1280),
            NormNumGroups = config.Integer("norm_num_groups", 32),
            NormEps = config.Number("norm_eps", 1e-5),
            UseLinearProjection = config.Flag("use_linear_projection", false),
            UpcastAttention = config.Flag("upcast_attention", false),
            Activation = config.Activation("act_fn", Activation.Silu),
            FlipSinToCos = config.Flag("flip_sin_to_cos", true),
            FreqShift = config.Number("freq_shift", 0),
        };
        config.Only("addition_embed_type_num_heads", "64");
        config.Only("attention_type", "\"default\"");
        config.Only("conv_in_kernel", "3");
        config.Only("conv_out_kernel", "3");
        config.Only("downsample_padding", "1");
        config.Only("dropout", "0");
        config.Only("mid_block_scale_factor", "1");
        config.Only("mid_block_type", "\"UNetMidBlock2DCrossAttn\"");
        config.Only("resnet_out_scale_factor", "1");
        config.Only("resnet_time_scale_shift", "\"default\"");
        config.Only("time_embedding_type", "\"positional\"");
        config.Only("transformer_layers_per_block", "1");
        config.Close(options.Validate);
        return options;
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and diffusers, make the same network.</summary>
    public static void Write(string path, UNet2DConditionOptions options) => ConfigFile.Write(path, new JsonObject
    {
        ["_class_name"] = ClassName,
        ["in_channels"] = options.InChannels,
        ["out_channels"] = options.OutChannels,
        ["sample_size"] = options.SampleSize,
        ["block_out_channels"] = new JsonArray([.. options.BlockOutChannels]),
        ["down_block_types"] = new JsonArray([.. options.DownBlockTypes.Select(type => DownBlocks.First(entry => entry.Value == type).Key)]),
        ["mid_block_type"] = "UNetMidBlock2DCrossAttn",
        ["up_block_types"] = new JsonArray([.. options.UpBlockTypes.Select(type => UpBlocks.First(entry => entry.Value == type).Key)]),
        ["layers_per_block"] = options.LayersPerBlock,
        ["attention_head_dim"] = new JsonArray([.. options.NumAttentionHeads]),
        ["cross_attention_dim"] = options.CrossAttentionDim,
        ["norm_num_groups"] = options.NormNumGroups,
        ["norm_eps"] = options.NormEps,
        ["use_linear_projection"] = options.UseLinearProjection,
        ["upcast_attention"] = options.UpcastAttention,
        ["act_fn"] = ConfigFile.NameOf(options.Activation),
        ["flip_sin_to_cos"] = options.FlipSinToCos,
        ["freq_shift"] = options.FreqShift,
    });
}
