namespace Millrace.Models.TextEncoders;

/// <summary>The <c>config.json</c> of a transformers <c>GemmaModel</c>.</summary>
public static class GemmaConfig
{
    /// <summary>Reads a file. A field that is absent or null has the default of transformers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="GemmaModel"/> does not compute; names the file and the field.</exception>
    public static GemmaOptions Read(string path)
    {
        var config = new ConfigFile(path);
        var defaults = new GemmaOptions();
        config.Only("model_type", "\"gemma\"");
        config.Only("attention_bias", "false");
        config.Only("hidden_activation", "\"gelu_pytorch_tanh\"");
        int heads = config.Integer("num_attention_heads", 16);
        var options = new GemmaOptions
        {
            VocabSize = config.Integer("vocab_size", defaults.VocabSize),
            HiddenSize = config.Integer("hidden_size", 3072),
            IntermediateSize = config.Integer("intermediate_size", 24576),
            NumHiddenLayers = config.Integer("num_hidden_layers", 28),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Integer("num_key_value_heads", heads),
            HeadDim = config.Integer("head_dim", 256),
            RmsNormEps = config.Number("rms_norm_eps", 1e-6),
            RopeTheta = config.Number("rope_theta", 10000),
        };
        config.Check(options.Validate);
        return options;
    }
}
