using System.Text.Json.Nodes;

namespace Millrace.Models.Autoencoders;

/// <summary>The <c>config.json</c> of a diffusers <c>AutoencoderTiny</c>.</summary>
public static class AutoencoderTinyConfig
{
    private const string ClassName = "AutoencoderTiny";

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="AutoencoderTiny"/> does not compute; names the file and the field.</exception>
    public static AutoencoderTinyOptions Read(string path)
    {
        var config = new ConfigFile(path, ClassName);
        var defaults = new AutoencoderTinyOptions();
        var options = new AutoencoderTinyOptions
        {
            InChannels = config.Integer("in_channels", defaults.InChannels),
            OutChannels = config.Integer("out_channels", defaults.OutChannels),
            LatentChannels = config.Integer("latent_channels", defaults.LatentChannels),
            EncoderBlockOutChannels = config.Integers("encoder_block_out_channels", defaults.EncoderBlockOutChannels),
            DecoderBlockOutChannels = config.Integers("decoder_block_out_channels", defaults.DecoderBlockOutChannels),
            NumEncoderBlocks = config.Integers("num_encoder_blocks", defaults.NumEncoderBlocks),
            NumDecoderBlocks = config.Integers("num_decoder_blocks", defaults.NumDecoderBlocks),
            Activation = config.Activation("act_fn", defaults.Activation),
            ScalingFactor = config.Number("scaling_factor", defaults.ScalingFactor),
            LatentMagnitude = config.Number("latent_magnitude", defaults.LatentMagnitude),
            LatentShift = config.Number("latent_shift", defaults.LatentShift),
        };
        config.Only("upsampling_scaling_factor", "2");
        config.Only("upsample_fn", "\"nearest\"");
        config.Only("shift_factor", "0");
        _ = config.Integers("block_out_channels", []); // A copy of the encoder's, made by diffusers for its own use.
        _ = config.Flag("force_upcast", false); // A hint to pipelines.
        config.Close(options.Validate);
        return options;
    }

    /// <summary>Writes a file from which <see cref="Read"/> makes the same network, and so does diffusers where the widths of each half are equal.</summary>
    public static void Write(string path, AutoencoderTinyOptions options) => ConfigFile.Write(path, new JsonObject
    {
        ["_class_name"] = ClassName,
        ["in_channels"] = options.InChannels,
        ["out_channels"] = options.OutChannels,
        ["latent_channels"] = options.LatentChannels,
        ["encoder_block_out_channels"] = new JsonArray([.. options.EncoderBlockOutChannels]),
        ["decoder_block_out_channels"] = new JsonArray([.. options.DecoderBlockOutChannels]),
        ["num_encoder_blocks"] = new JsonArray([.. options.NumEncoderBlocks]),
        ["num_decoder_blocks"] = new JsonArray([.. options.NumDecoderBlocks]),
        ["act_fn"] = ConfigFile.NameOf(options.Activation),
        ["upsampling_scaling_factor"] = 2,
        ["scaling_factor"] = options.ScalingFactor,
        ["latent_magnitude"] = options.LatentMagnitude,
        ["latent_shift"] = options.LatentShift,
    });
}
