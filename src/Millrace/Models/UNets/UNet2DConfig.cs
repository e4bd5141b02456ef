using System.Text.Json.Nodes;
using Millrace.Models.Layers;

namespace Millrace.Models.UNets;

/// <summary>The <c>config.json</c> of a diffusers <c>UNet2DModel</c>.</summary>
public static class UNet2DConfig
{
    private static readonly Dictionary<string, UNetBlockType> DownBlocks = new()
    {
        ["DownBlock2D"] = UNetBlockType.Plain,
        ["AttnDownBlock2D"] = UNetBlockType.SelfAttention,
    };

    private static readonly Dictionary<string, UNetBlockType> UpBlocks = new()
    {
        ["UpBlock2D"] = UNetBlockType.Plain,
        ["AttnUpBlock2D"] = UNetBlockType.SelfAttention,
    };

    private static readonly Dictionary<string, UNetClassEmbedding> ClassEmbeddings = new()
    {
        ["timestep"] = UNetClassEmbedding.Timestep,
        ["identity"] = UNetClassEmbedding.Identity,
    };

    private static readonly Dictionary<string, bool> Resamplings = new() { ["conv"] = false, ["resnet"] = true };

    private static readonly Dictionary<string, bool> ScaleShifts = new() { ["default"] = false, ["scale_shift"] = true };

    private static readonly Dictionary<string, bool> FourierTimes = new() { ["positional"] = false, ["fourier"] = true };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="UNet2DModel"/> does not compute; names the file and the field.</exception>
    public static UNet2DOptions Read(string path)
    {
        var config = new ConfigFile(path, "UNet2DModel");
        var defaults = new UNet2DOptions();
        int? classes = config.OptionalInteger("num_class_embeds");
        bool resampling = config.Choice("downsample_type", false, Resamplings);
        var options = new UNet2DOptions
        {
            InChannels = config.Integer("in_channels", 3),
            OutChannels = config.Integer("out_channels", 3),
            SampleSize = config.OptionalSide("sample_size"),
            BlockOutChannels = config.Integers("block_out_channels", defaults.BlockOutChannels),
            DownBlockTypes = config.Choices("down_block_types", defaults.DownBlockTypes, DownBlocks),
            UpBlockTypes = config.Choices("up_block_types", defaults.UpBlockTypes, UpBlocks),
            LayersPerBlock = config.Integer("layers_per_block", 2),
            AttentionHeadDim = config.HasNull("attention_head_dim") ? null : config.Integer("attention_head_dim", 8),
            NormNumGroups = config.Integer("norm_num_groups", 32),
            AttentionNormNumGroups = config.OptionalInteger("attn_norm_num_groups"),
            NormEps = config.Number("norm_eps", 1e-5),
            Activation = config.Activation("act_fn", Activation.Silu),
            AddAttention = config.Flag("add_attention", true),
            MidBlockScaleFactor = config.Number("mid_block_scale_factor", 1),
            PadAfterOnly = config.Choice("downsample_padding", false, new Dictionary<int, bool> { [0] = true, [1] = false }),
            ResamplesByBlocks = resampling,
            CenterInputSample = config.Flag("center_input_sample", false),
            ScaleShift = config.Choice("resnet_time_scale_shift", false, ScaleShifts),
            FourierTime = config.Choice("time_embedding_type", false, FourierTimes),
            FlipSinToCos = config.Flag("flip_sin_to_cos", true),
            FreqShift = config.Number("freq_shift", 0),
            ClassEmbedding = config.Choice("class_embed_type", classes is null ? UNetClassEmbedding.None : UNetClassEmbedding.Table, ClassEmbeddings),
            NumClassEmbeds = classes,
        };
        config.Only("upsample_type", resampling ? "\"resnet\"" : "\"conv\"");
        config.Pass(["num_train_timesteps"]); // Of a kind of time embedding that is refused above.
        config.Close(options.Validate);
        return options with { Changes = StructureChangesFile.Beside(path) };
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and diffusers, make the same network; its changes stand in a file beside it that diffusers does not read.</summary>
    public static void Write(string path, UNet2DOptions options)
    {
        static string Name<T>(Dictionary<string, T> names, T value) => names.First(entry => Equals(entry.Value, value)).Key;
        ConfigFile.Write(path, new JsonObject
        {
            ["_class_name"] = nameof(UNet2DModel),
            ["in_channels"] = options.InChannels,
            ["out_channels"] = options.OutChannels,
            ["sample_size"] = options.SampleSize,
            ["block_out_channels"] = new JsonArray([.. options.BlockOutChannels]),
            ["down_block_types"] = new JsonArray([.. options.DownBlockTypes.Select(type => Name(DownBlocks, type))]),
            ["up_block_types"] = new JsonArray([.. options.UpBlockTypes.Select(type => Name(UpBlocks, type))]),
            ["layers_per_block"] = options.LayersPerBlock,
            ["attention_head_dim"] = options.AttentionHeadDim,
            ["norm_num_groups"] = options.NormNumGroups,
            ["attn_norm_num_groups"] = options.AttentionNormNumGroups,
            ["norm_eps"] = options.NormEps,
            ["act_fn"] = ConfigFile.NameOf(options.Activation),
            ["add_attention"] = options.AddAttention,
            ["mid_block_scale_factor"] = options.MidBlockScaleFactor,
            ["downsample_padding"] = options.PadAfterOnly ? 0 : 1,
            ["downsample_type"] = Name(Resamplings, options.ResamplesByBlocks),
            ["upsample_type"] = Name(Resamplings, options.ResamplesByBlocks),
            ["center_input_sample"] = options.CenterInputSample,
            ["resnet_time_scale_shift"] = Name(ScaleShifts, options.ScaleShift),
            ["time_embedding_type"] = Name(FourierTimes, options.FourierTime),
            ["flip_sin_to_cos"] = options.FlipSinToCos,
            ["freq_shift"] = options.FreqShift,
            ["class_embed_type"] = options.ClassEmbedding is UNetClassEmbedding.None or UNetClassEmbedding.Table ? null : Name(ClassEmbeddings, options.ClassEmbedding),
            ["num_class_embeds"] = options.NumClassEmbeds,
        });
        StructureChangesFile.Write(path, options.Changes);
    }
}
