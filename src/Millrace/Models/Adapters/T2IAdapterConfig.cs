namespace Millrace.Models.Adapters;

/// <summary>The <c>config.json</c> of a diffusers <c>T2IAdapter</c>.</summary>
public static class T2IAdapterConfig
{
    private static readonly Dictionary<string, T2IAdapterKind> Kinds = new()
    {
        ["full_adapter"] = T2IAdapterKind.Full,
        ["full_adapter_xl"] = T2IAdapterKind.FullXl,
        ["light_adapter"] = T2IAdapterKind.Light,
    };

    /// <summary>Reads a file. A field that is absent or null has the default of diffusers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="T2IAdapterModel"/> does not compute; names the file and the field.</exception>
    public static T2IAdapterOptions Read(string path)
    {
        var config = new ConfigFile(path, "T2IAdapter");
        var options = new T2IAdapterOptions
        {
            Kind = config.Choice("adapter_type", T2IAdapterKind.Full, Kinds),
            InChannels = config.Integer("in_channels", 3),
            Channels = config.Integers("channels", [320, 640, 1280, 1280]),
            ResidualBlocks = config.Integer("num_res_blocks", 2),
            DownscaleFactor = config.Integer("downscale_factor", 8),
        };
        config.Close(options.Validate);
        return options;
    }
}
