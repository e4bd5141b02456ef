using Millrace.Models.Layers;

namespace Millrace.Models.Autoencoders;

/// <summary>The <c>config.json</c> of a diffusers <c>AutoencoderKL</c>.</summary>
public static class AutoencoderKLConfig
{
    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="AutoencoderKL"/> does not compute; names the file and the field.</exception>
    public static AutoencoderKLOptions Read(string path)
    {
        var config = new ConfigFile(path, "AutoencoderKL");
        IReadOnlyList<int> widths = config.Integers("block_out_channels", [64]);
        var options = new AutoencoderKLOptions
        {
            InChannels = config.Integer("in_channels", 3),
            OutChannels = config.Integer("out_channels", 3),
            LatentChannels = config.Integer("latent_channels", 4),
            BlockOutChannels = widths,
            LayersPerBlock = config.Integer("layers_per_block", 1),
            NormNumGroups = config.Integer("norm_num_groups", 32),
            Activation = config.Activation("act_fn", Activation.Silu),
            ScalingFactor = config.Number("scaling_factor", 0.18215),
            ShiftFactor = config.Number("shift_factor", 0),
            UseQuantConv = config.Flag("use_quant_conv", true),
            UsePostQuantConv = config.Flag("use_post_quant_conv", true),
            MidBlockAddAttention = config.Flag("mid_block_add_attention", true),
        };
        config.Only("down_block_types", JsonList("DownEncoderBlock2D", widths.Count));
        config.Only("up_block_types", JsonList("UpDecoderBlock2D", widths.Count));
        _ = config.Flag("force_upcast", true); // A hint to pipelines that run in float16.
        config.Close(options.Validate);
        return options;
    }

    private static string JsonList(string item, int count) => $"[{string.Join(", ", Enumerable.Repeat($"\"{item}\"", count))}]";
}
