using System.Text.Json.Nodes;

namespace Millrace.Models.TextEncoders;

/// <summary>The <c>config.json</c> of a transformers <c>CLIPTextModel</c>, with or without projection.</summary>
public static class ClipTextConfig
{
    private const string WithoutProjection = "CLIPTextModel";
    private const string WithProjection = "CLIPTextModelWithProjection";

    // Files of before 2023 say so for every model, whatever the vocabulary; the end of a text is its largest id then.
    private const int UnknownEos = 2;

    private static readonly Dictionary<string, bool> Projections = new() { [WithoutProjection] = false, [WithProjection] = true };

    private static readonly Dictionary<string, bool> QuickGelu = new() { ["quick_gelu"] = true, ["gelu"] = false };

    /// <summary>Reads a file. A field that is absent or null has the default of transformers.</summary>
    /// <exception cref="InvalidDataException">Where the file asks for what <see cref="ClipTextModel"/> does not compute; names the file and the field.</exception>
    public static ClipTextOptions Read(string path)
    {
        var config = new ConfigFile(path);
        config.Only("model_type", "\"clip_text_model\"");
        int vocabulary = config.Integer("vocab_size", 49408);
        int projection = config.Integer("projection_dim", 512);
        int eos = config.Integer("eos_token_id", 49407);
        var options = new ClipTextOptions
        {
            VocabSize = vocabulary,
            HiddenSize = config.Integer("hidden_size", 512),
            IntermediateSize = config.Integer("intermediate_size", 2048),
            NumHiddenLayers = config.Integer("num_hidden_layers", 12),
            NumAttentionHeads = config.Integer("num_attention_heads", 8),
            MaxPositionEmbeddings = config.Integer("max_position_embeddings", 77),
            QuickGelu = config.Choice("hidden_act", true, QuickGelu),
            LayerNormEps = config.Number("layer_norm_eps", 1e-5),
            ProjectionDim = config.Choices("architectures", [false], Projections).Contains(true) ? projection : null,
            EosTokenId = eos == UnknownEos ? vocabulary - 1 : eos,
        };
        config.Check(options.Validate);
        return options;
    }

    /// <summary>Writes a file from which <see cref="Read"/>, and transformers, make the same network.</summary>
    public static void Write(string path, ClipTextOptions options)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(options.ProjectionDim is null ? WithoutProjection : WithProjection),
            ["model_type"] = "clip_text_model",
            ["vocab_size"] = options.VocabSize,
            ["hidden_size"] = options.HiddenSize,
            ["intermediate_size"] = options.IntermediateSize,
            ["num_hidden_layers"] = options.NumHiddenLayers,
            ["num_attention_heads"] = options.NumAttentionHeads,
            ["max_position_embeddings"] = options.MaxPositionEmbeddings,
            ["hidden_act"] = QuickGelu.First(entry => entry.Value == options.QuickGelu).Key,
            ["layer_norm_eps"] = options.LayerNormEps,
            ["bos_token_id"] = options.EosTokenId - 1,
            ["eos_token_id"] = options.EosTokenId,
        };
        if (options.ProjectionDim is { } projection)
        {
            config["projection_dim"] = projection;
        }

        ConfigFile.Write(path, config);
    }
}
