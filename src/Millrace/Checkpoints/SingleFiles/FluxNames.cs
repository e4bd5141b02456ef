namespace Millrace.Checkpoints.SingleFiles;

/// <summary>The transformer of FLUX.1.</summary>
internal static class FluxNames
{
    // The widths that a single block computes at once: query, key, value, and the feed-forward of four times their width.
    private static readonly int[] SingleShares = [1, 1, 1, 4];

    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names) => Map(names.Count("double_blocks."), names.Count("single_blocks."));

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => Map(names.Count("transformer_blocks."), names.Count("single_transformer_blocks."));

    private static NameMap Map(int layers, int singleLayers)
    {
        NameMap map = new NameMap().Add("img_in", "x_embedder").Add("txt_in", "context_embedder")
            .Add("final_layer.linear", "proj_out").Add("final_layer.adaLN_modulation.1", "norm_out.linear", Rearrangement.SwappedHalves);
        foreach ((string single, string folder) in new[] { ("time_in", "timestep_embedder"), ("vector_in", "text_embedder"), ("guidance_in", "guidance_embedder") })
        {
            map.Add($"{single}.in_layer", $"time_text_embed.{folder}.linear_1").Add($"{single}.out_layer", $"time_text_embed.{folder}.linear_2");
        }

        for (int layer = 0; layer < layers; layer++)
        {
            Double(map, $"double_blocks.{layer}", $"transformer_blocks.{layer}");
        }

        for (int layer = 0; layer < singleLayers; layer++)
        {
            Single(map, $"single_blocks.{layer}", $"single_transformer_blocks.{layer}");
        }

        return map;
    }

    private static void Double(NameMap map, string single, string folder) => map
        .Add($"{single}.img_mod.lin", $"{folder}.norm1.linear").Add($"{single}.txt_mod.lin", $"{folder}.norm1_context.linear")
        .Split($"{single}.img_attn.qkv", [.. "qkv".Select(part => $"{folder}.attn.to_{part}")])
        .Split($"{single}.txt_attn.qkv", [.. "qkv".Select(part => $"{folder}.attn.add_{part}_proj")])
        .Add($"{single}.img_attn.norm.query_norm.scale", $"{folder}.attn.norm_q.weight").Add($"{single}.img_attn.norm.key_norm.scale", $"{folder}.attn.norm_k.weight")
        .Add($"{single}.txt_attn.norm.query_norm.scale", $"{folder}.attn.norm_added_q.weight").Add($"{single}.txt_attn.norm.key_norm.scale", $"{folder}.attn.norm_added_k.weight")
        .Add($"{single}.img_attn.proj", $"{folder}.attn.to_out.0").Add($"{single}.txt_attn.proj", $"{folder}.attn.to_add_out")
        .Add($"{single}.img_mlp.0", $"{folder}.ff.net.0.proj").Add($"{single}.img_mlp.2", $"{folder}.ff.net.2")
        .Add($"{single}.txt_mlp.0", $"{folder}.ff_context.net.0.proj").Add($"{single}.txt_mlp.2", $"{folder}.ff_context.net.2");

    private static void Single(NameMap map, string single, string folder) => map
        .Add($"{single}.modulation.lin", $"{folder}.norm.linear").Add($"{single}.linear2", $"{folder}.proj_out")
        .Add(new NameRule($"{single}.linear1", [$"{folder}.attn.to_q", $"{folder}.attn.to_k", $"{folder}.attn.to_v", $"{folder}.proj_mlp"], SingleShares, Rearrangement.None))
        .Add($"{single}.norm.query_norm.scale", $"{folder}.attn.norm_q.weight").Add($"{single}.norm.key_norm.scale", $"{folder}.attn.norm_k.weight");
}
