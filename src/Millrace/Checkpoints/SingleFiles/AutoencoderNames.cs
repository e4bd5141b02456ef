namespace Millrace.Checkpoints.SingleFiles;

/// <summary>The autoencoder of every family. In the file the decoder's resolutions are numbered from the finest, in the folder from the coarsest.</summary>
internal static class AutoencoderNames
{
    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names) => Map(names.Count("encoder.down."), names.Count("encoder.down.0.block."));

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => Map(names.Count("encoder.down_blocks."), names.Count("encoder.down_blocks.0.resnets."));

    private static NameMap Map(int stages, int layers)
    {
        NameMap map = new NameMap().Add("quant_conv", "quant_conv").Add("post_quant_conv", "post_quant_conv");
        foreach (string half in new[] { "encoder", "decoder" })
        {
            map.Add($"{half}.conv_in", $"{half}.conv_in").Add($"{half}.norm_out", $"{half}.conv_norm_out").Add($"{half}.conv_out", $"{half}.conv_out");
            Residual(map, $"{half}.mid.block_1", $"{half}.mid_block.resnets.0");
            Residual(map, $"{half}.mid.block_2", $"{half}.mid_block.resnets.1");
            Attention(map, $"{half}.mid.attn_1", $"{half}.mid_block.attentions.0");
        }

        for (int stage = 0; stage < stages; stage++)
        {
            string up = $"decoder.up_blocks.{stages - 1 - stage}";
            for (int layer = 0; layer <= layers; layer++)
            {
                Residual(map, $"encoder.down.{stage}.block.{layer}", $"encoder.down_blocks.{stage}.resnets.{layer}");
                Residual(map, $"decoder.up.{stage}.block.{layer}", $"{up}.resnets.{layer}");
            }

            map.Add($"encoder.down.{stage}.downsample.conv", $"encoder.down_blocks.{stage}.downsamplers.0.conv");
            map.Add($"decoder.up.{stage}.upsample.conv", $"{up}.upsamplers.0.conv");
        }

        return map;
    }

    private static void Residual(NameMap map, string single, string folder) =>
        map.Add($"{single}.nin_shortcut", $"{folder}.conv_shortcut").Add(single, folder);

    private static void Attention(NameMap map, string single, string folder)
    {
        map.Add($"{single}.norm", $"{folder}.group_norm");
        foreach ((string one, string other) in new[] { ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0") })
        {
            map.Add($"{single}.{one}", $"{folder}.{other}", Rearrangement.PointConvolution);
        }
    }
}
