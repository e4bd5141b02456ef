namespace Millrace.Models.ImageEncoders;

/// <summary>The <c>config.json</c> of a transformers <c>CLIPVisionModel</c>, with or without projection.</summary>
public static class ClipVisionConfig
{
    private static readonly Dictionary<string, bool> Projections = new() { ["CLIPVisionModel"] = false, ["CLIPVisionModelWithProjection"] = true };

    private static readonly Dictionary<string, bool> QuickGelu = new() { ["quick_gelu"] = true, ["gelu"] = false };

    /// <summary>Reads a file. A field that is absent or null has the default of transformers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="ClipVisionModel"/> does not compute; names the file and the field.</exception>
    public static ClipVisionOptions Read(string path)
    {
        var config = new ConfigFile(path);
        config.Only("model_type", "\"clip_vision_model\"");
        int projection = config.Integer("projection_dim", 512);
        var options = new ClipVisionOptions
        {
            HiddenSize = config.Integer("hidden_size", 768),
            IntermediateSize = config.Integer("intermediate_size", 3072),
            NumHiddenLayers = config.Integer("num_hidden_layers", 12),
            NumAttentionHeads = config.Integer("num_attention_heads", 12),
            NumChannels = config.Integer("num_channels", 3),
            ImageSize = config.Integer("image_size", 224),
            PatchSize = config.Integer("patch_size", 32),
            QuickGelu = config.Choice("hidden_act", true, QuickGelu),
            LayerNormEps = config.Number("layer_norm_eps", 1e-5),
            ProjectionDim = config.Choices("architectures", [true], Projections).Contains(true) ? projection : null,
        };
        config.Check(options.Validate);
        return options;
    }
}
