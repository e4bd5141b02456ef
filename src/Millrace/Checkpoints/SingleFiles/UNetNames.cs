namespace Millrace.Checkpoints.SingleFiles;

/// <summary>The U-Net of Stable Diffusion 1.x, 2.x and SDXL: one numbered list of blocks each way in the file, stages in the folder.</summary>
internal static class UNetNames
{
    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names)
    {
        var stages = new List<Stage> { new(0, false) };
        int blocks = names.Count("input_blocks.");
        for (int block = 1; block < blocks; block++)
        {
            Stage last = stages[^1];
            if (names.Has($"input_blocks.{block}.0.op.weight"))
            {
                stages.Add(new Stage(0, false));
            }
            else
            {
                stages[^1] = new Stage(last.Layers + 1, last.Attends || names.Has($"input_blocks.{block}.1.norm.weight"));
            }
        }

        return Map(stages);
    }

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => Map(
    [
        .. Enumerable.Range(0, names.Count("down_blocks.")).Select(stage =>
            new Stage(names.Count($"down_blocks.{stage}.resnets."), names.HasAny($"down_blocks.{stage}.attentions."))),
    ]);

    private static NameMap Map(IReadOnlyList<Stage> stages)
    {
        NameMap map = new NameMap()
            .Add("time_embed.0", "time_embedding.linear_1").Add("time_embed.2", "time_embedding.linear_2").Add("time_embed.cond_proj", "time_embedding.cond_proj")
            .Add("label_emb.0.0", "add_embedding.linear_1").Add("label_emb.0.2", "add_embedding.linear_2")
            .Add("input_blocks.0.0", "conv_in").Add("out.0", "conv_norm_out").Add("out.2", "conv_out");
        Residual(map, "middle_block.0", "mid_block.resnets.0");
        map.Add("middle_block.1", "mid_block.attentions.0");
        Residual(map, "middle_block.2", "mid_block.resnets.1");
        Down(map, stages);
        Up(map, stages);
        return map;
    }

    private static void Down(NameMap map, IReadOnlyList<Stage> stages)
    {
        int block = 1;
        for (int stage = 0; stage < stages.Count; stage++)
        {
            for (int layer = 0; layer < stages[stage].Layers; layer++, block++)
            {
                Layer(map, $"input_blocks.{block}", $"down_blocks.{stage}", layer, stages[stage].Attends);
            }

            if (stage < stages.Count - 1)
            {
                map.Add($"input_blocks.{block++}.0.op", $"down_blocks.{stage}.downsamplers.0.conv");
            }
        }
    }

    private static void Up(NameMap map, IReadOnlyList<Stage> stages)
    {
        int block = 0;
        for (int up = 0; up < stages.Count; up++)
        {
            Stage stage = stages[stages.Count - 1 - up];
            for (int layer = 0; layer <= stage.Layers; layer++, block++)
            {
                Layer(map, $"output_blocks.{block}", $"up_blocks.{up}", layer, stage.Attends);
                if (layer == stage.Layers && up < stages.Count - 1)
                {
                    map.Add($"output_blocks.{block}.{(stage.Attends ? 2 : 1)}.conv", $"up_blocks.{up}.upsamplers.0.conv");
                }
            }
        }
    }

    private static void Layer(NameMap map, string single, string folder, int layer, bool attends)
    {
        Residual(map, $"{single}.0", $"{folder}.resnets.{layer}");
        if (attends)
        {
            map.Add($"{single}.1", $"{folder}.attentions.{layer}");
        }
    }

    private static void Residual(NameMap map, string single, string folder) => map
        .Add($"{single}.in_layers.0", $"{folder}.norm1").Add($"{single}.in_layers.2", $"{folder}.conv1")
        .Add($"{single}.emb_layers.1", $"{folder}.time_emb_proj")
        .Add($"{single}.out_layers.0", $"{folder}.norm2").Add($"{single}.out_layers.3", $"{folder}.conv2")
        .Add($"{single}.skip_connection", $"{folder}.conv_shortcut");

    private readonly record struct Stage(int Layers, bool Attends);
}
