namespace Millrace.Models.TextEncoders;

/// <summary>The <c>config.json</c> of a transformers <c>T5EncoderModel</c>.</summary>
public static class T5Config
{
    private static readonly Dictionary<string, bool> FeedForwards = new() { ["gated-gelu"] = true, ["relu"] = false };

    /// <summary>Reads a file. A field that is absent or null has the default of transformers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="T5EncoderModel"/> does not compute; names the file and the field.</exception>
    public static T5Options Read(string path)
    {
        var config = new ConfigFile(path);
        config.Only("model_type", "\"t5\"");
        var options = new T5Options
        {
            VocabSize = config.Integer("vocab_size", 32128),
            DModel = config.Integer("d_model", 512),
            DKv = config.Integer("d_kv", 64),
            DFf = config.Integer("d_ff", 2048),
            NumLayers = config.Integer("num_layers", 6),
            NumHeads = config.Integer("num_heads", 8),
            RelativeAttentionNumBuckets = config.Integer("relative_attention_num_buckets", 32),
            RelativeAttentionMaxDistance = config.Integer("relative_attention_max_distance", 128),
            LayerNormEpsilon = config.Number("layer_norm_epsilon", 1e-6),
            GatedGelu = config.Choice("feed_forward_proj", false, FeedForwards),
        };
        config.Check(options.Validate);
        return options;
    }
}
