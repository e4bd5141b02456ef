using Millrace.Models.UNets;

namespace Millrace.Models.Adapters;

/// <summary>The <c>config.json</c> of a diffusers <c>ControlNetModel</c>.</summary>
public static class ControlNetConfig
{
    private static readonly Dictionary<string, bool> ChannelOrders = new() { ["rgb"] = false, ["bgr"] = true };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="ControlNetModel"/> does not compute; names the file and the field.</exception>
    public static ControlNetOptions Read(string path)
    {
        var config = new ConfigFile(path, "ControlNetModel");
        UNet2DConditionOptions common = UNet2DConditionConfig.ReadCommon(config);
        var options = new ControlNetOptions
        {
            // The way up is not built; it is described so that the whole is one U-Net.
            UNet = common with { UpBlockTypes = [.. common.DownBlockTypes.Reverse()], ReverseTransformerLayersPerBlock = [.. common.TransformerLayersPerBlock.Reverse()] },
            ConditioningChannels = config.Integer("conditioning_channels", 3),
            ConditioningWidths = config.Integers("conditioning_embedding_out_channels", [16, 32, 96, 256]),
            ReversesChannels = config.Choice("controlnet_conditioning_channel_order", false, ChannelOrders),
            PoolsResiduals = config.Flag("global_pool_conditions", false),
        };
        config.Close(options.Validate);
        return options;
    }
}
