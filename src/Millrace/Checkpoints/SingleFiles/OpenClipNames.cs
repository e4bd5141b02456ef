namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A text encoder in the names of OpenCLIP, with queries, keys and values in one, and those of transformers.</summary>
internal static class OpenClipNames
{
    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names) => Map(names.Count("transformer.resblocks."), projects: true);

    /// <summary>From the names in a single file, of which the folder holds no last layer and no projection (Stable Diffusion 2.x reads the states before it).</summary>
    public static NameMap OfSingleWithoutLast(NameSet names) => Map(names.Count("transformer.resblocks.") - (names.Has("text_projection") ? 1 : 0), projects: false);

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => Map(names.Count("text_model.encoder.layers."), projects: true);

    private static NameMap Map(int layers, bool projects)
    {
        NameMap map = new NameMap()
            .Add("token_embedding", "text_model.embeddings.token_embedding").Add("positional_embedding", "text_model.embeddings.position_embedding.weight")
            .Add("ln_final", "text_model.final_layer_norm");
        if (projects)
        {
            map.Add("text_projection", "text_projection.weight", Rearrangement.Transposed);
        }

        for (int layer = 0; layer < layers; layer++)
        {
            string single = $"transformer.resblocks.{layer}", folder = $"text_model.encoder.layers.{layer}";
            map.Split($"{single}.attn.in_proj_weight", [.. "qkv".Select(part => $"{folder}.self_attn.{part}_proj.weight")])
                .Split($"{single}.attn.in_proj_bias", [.. "qkv".Select(part => $"{folder}.self_attn.{part}_proj.bias")])
                .Add($"{single}.attn.out_proj", $"{folder}.self_attn.out_proj")
                .Add($"{single}.ln_1", $"{folder}.layer_norm1").Add($"{single}.ln_2", $"{folder}.layer_norm2")
                .Add($"{single}.mlp.c_fc", $"{folder}.mlp.fc1").Add($"{single}.mlp.c_proj", $"{folder}.mlp.fc2");
        }

        return map;
    }
}
