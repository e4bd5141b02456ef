namespace Millrace.Checkpoints.SingleFiles;

/// <summary>The transformer of Stable Diffusion 3 and 3.5.</summary>
internal static class StableDiffusion3Names
{
    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names) => Map(names.Count("joint_blocks."));

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => Map(names.Count("transformer_blocks."));

    private static NameMap Map(int layers)
    {
        NameMap map = new NameMap()
            .Add("pos_embed", "pos_embed.pos_embed").Add("x_embedder.proj", "pos_embed.proj").Add("context_embedder", "context_embedder")
            .Add("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1").Add("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2")
            .Add("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1").Add("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2")
            .Add("final_layer.adaLN_modulation.1", "norm_out.linear", Rearrangement.SwappedHalves).Add("final_layer.linear", "proj_out");
        for (int layer = 0; layer < layers; layer++)
        {
            string single = $"joint_blocks.{layer}", folder = $"transformer_blocks.{layer}";
            bool last = layer == layers - 1; // Its text is not used behind it: of six modulations two are left.
            map.Add($"{single}.x_block.adaLN_modulation.1", $"{folder}.norm1.linear")
                .Add($"{single}.context_block.adaLN_modulation.1", $"{folder}.norm1_context.linear", last ? Rearrangement.SwappedHalves : Rearrangement.None)
                .Split($"{single}.x_block.attn.qkv", [.. "qkv".Select(part => $"{folder}.attn.to_{part}")])
                .Split($"{single}.x_block.attn2.qkv", [.. "qkv".Select(part => $"{folder}.attn2.to_{part}")])
                .Split($"{single}.context_block.attn.qkv", [.. "qkv".Select(part => $"{folder}.attn.add_{part}_proj")])
                .Add($"{single}.x_block.attn.proj", $"{folder}.attn.to_out.0").Add($"{single}.x_block.attn2.proj", $"{folder}.attn2.to_out.0")
                .Add($"{single}.context_block.attn.proj", $"{folder}.attn.to_add_out")
                .Add($"{single}.x_block.mlp.fc1", $"{folder}.ff.net.0.proj").Add($"{single}.x_block.mlp.fc2", $"{folder}.ff.net.2")
                .Add($"{single}.context_block.mlp.fc1", $"{folder}.ff_context.net.0.proj").Add($"{single}.context_block.mlp.fc2", $"{folder}.ff_context.net.2");
            foreach (char part in "qk")
            {
                map.Add($"{single}.x_block.attn.ln_{part}", $"{folder}.attn.norm_{part}").Add($"{single}.x_block.attn2.ln_{part}", $"{folder}.attn2.norm_{part}")
                    .Add($"{single}.context_block.attn.ln_{part}", $"{folder}.attn.norm_added_{part}");
            }
        }

        return map;
    }
}
