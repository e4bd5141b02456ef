using Millrace.Models;
using Millrace.Models.UNets;
using Millrace.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>A motion adapter as diffusers stores it (<c>MotionAdapter</c>): the attention over time that makes a U-Net of pictures one of clips.</summary>
public static class MotionAdapterFolder
{
    private const string ClassName = "MotionAdapter";

    /// <summary>Loads an adapter and puts it into a copy of a U-Net.</summary>
    /// <param name="path">The adapter's folder.</param>
    /// <param name="unet">The U-Net of pictures; copied, and left as it is.</param>
    /// <returns>The U-Net of clips, in float32 on the U-Net's device; the caller's to dispose.</returns>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or the adapter was made for another U-Net; names what does not fit.</exception>
    public static UNetMotionModel Load(string path, UNet2DConditionModel unet)
    {
        string config = Path.Combine(path, "config.json");
        if (!File.Exists(config))
        {
            throw Directory.Exists(path)
                ? new InvalidDataException($"'{path}' is not a motion adapter in the layout of diffusers: it lacks config.json.")
                : new DirectoryNotFoundException($"There is no folder '{path}'.");
        }

        UNet2DConditionOptions options = unet.Options with { Motion = ReadConfig(config, unet.Options) };
        LibTorch.Load();
        using WeightFiles files = WeightFiles.Open(path, WeightFiles.Diffusers);
        using IDisposable noGrad = no_grad();
        var motion = new UNetMotionModel(options, new Models.Layers.TensorOptions(ScalarType.Float32, unet.parameters().First().device));
        try
        {
            using DisposeScope scope = NewDisposeScope();
            Dictionary<string, Tensor> pictures = unet.state_dict();
            files.LoadInto(motion, name => !pictures.ContainsKey(name));
            Dictionary<string, Tensor> clips = motion.state_dict();
            foreach ((string name, Tensor value) in pictures)
            {
                _ = clips[name].copy_(value);
            }

            return motion;
        }
        catch
        {
            motion.Dispose();
            throw;
        }
    }

    private static UNetMotionOptions ReadConfig(string path, UNet2DConditionOptions unet)
    {
        var config = new ConfigFile(path, ClassName);
        config.Only("block_out_channels", $"[{string.Join(", ", unet.BlockOutChannels)}]");
        config.Only("motion_layers_per_block", $"{unet.LayersPerBlock}");
        config.Only("motion_norm_num_groups", $"{unet.NormNumGroups}");
        config.Only("motion_mid_block_layers_per_block", "1");
        config.Only("motion_transformer_layers_per_block", "1");
        config.Only("motion_transformer_layers_per_mid_block", "1");
        var options = new UNetMotionOptions
        {
            MaxSequenceLength = config.Integer("motion_max_seq_length", 32),
            NumAttentionHeads = config.IntegerOrIntegers("motion_num_attention_heads", 8, unet.BlockOutChannels.Count),
            InMiddle = config.Flag("use_motion_mid_block", true),
        };
        config.Close(() => (unet with { Motion = options }).Validate());
        return options;
    }
}
