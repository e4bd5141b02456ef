using Millrace.Models.UNets;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Models;

/// <summary>Heads that do not divide a width: attention is as wide as they are together, and where there is none they do not matter.</summary>
public sealed class AttentionWidthTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Attention_over_pixels_is_as_wide_as_its_heads()
    {
        using var scope = NewDisposeScope();
        string path = TinyFolders.Text(_folder.Path, "config.json", """
            {
              "_class_name": "UNet2DModel", "sample_size": [8, 12], "block_out_channels": [12, 20], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
              "layers_per_block": 1, "attention_head_dim": 8, "norm_num_groups": 4
            }
            """);
        UNet2DOptions options = UNet2DConfig.Read(path);
        Assert.Equal(12, options.SampleSize);
        using var network = new UNet2DModel(options);
        Dictionary<string, Tensor> weights = TinyFolders.Drawn(network);
        Assert.Equal([16, 20], weights["mid_block.attentions.0.to_q.weight"].shape);
        Assert.Equal([20, 16], weights["up_blocks.0.attentions.0.to_out.0.weight"].shape);

        var seen = new Dictionary<string, Tensor>();
        _ = network.Predict(randn(1, 3, 8, 12), tensor([40f]), classLabels: null, new UNetHooks
        {
            Feature = (name, feature) =>
            {
                seen[name] = feature.clone().DetachFromDisposeScope();
                return feature;
            },
        });
        Assert.True(Golden.RelativeError(Plain(weights, "down_blocks.1.attentions.0", seen["down_blocks.1.resnets.0"]), seen["down_blocks.1.attentions.0"]) < 1e-5);
        Assert.True(Golden.RelativeError(Plain(weights, "mid_block.attentions.0", seen["mid_block.resnets.0"]), seen["mid_block.attentions.0"]) < 1e-5);
        seen.Values.ToList().ForEach(feature => feature.Dispose());
    }

    [Theory]
    [InlineData("[5, 3]", "[15, 24]", "\"CrossAttnDownBlock2D\"", null)]
    [InlineData("[40, 3]", "[15, 24]", "\"DownBlock2D\"", null)]
    [InlineData("[40, 3]", "[15, 24]", "\"CrossAttnDownBlock2D\"", "got [40, 3] for a resolution of width 15")]
    [InlineData("[40, 25]", "[15, 24]", "\"DownBlock2D\"", "got [40, 25] for a resolution of width 24")]
    public void Attention_to_the_text_needs_a_head_only_where_there_is_any(string heads, string widths, string first, string? refusal)
    {
        using var scope = NewDisposeScope();
        string path = TinyFolders.Text(_folder.Path, "config.json", $$"""
            {
              "_class_name": "UNet2DConditionModel", "block_out_channels": {{widths}}, "attention_head_dim": {{heads}}, "down_block_types": [{{first}}, "CrossAttnDownBlock2D"],
              "up_block_types": ["CrossAttnUpBlock2D", {{first.Replace("Down", "Up")}}], "layers_per_block": 1, "norm_num_groups": 3, "cross_attention_dim": 10
            }
            """);
        if (refusal is not null)
        {
            Assert.Contains(refusal, Assert.Throws<InvalidDataException>(() => UNet2DConditionConfig.Read(path)).Message, StringComparison.Ordinal);
            return;
        }

        using var network = new UNet2DConditionModel(UNet2DConditionConfig.Read(path));
        TinyFolders.Drawn(network);
        Assert.Equal([1, 4, 7, 5], network.Predict(randn(1, 4, 7, 5), tensor([40f]), new Conditioning(randn(1, 3, 10))).shape);
    }

    private static Tensor Plain(Dictionary<string, Tensor> weights, string path, Tensor x)
    {
        Tensor Linear(string name, Tensor tokens) => functional.linear(tokens, weights[$"{path}.{name}.weight"], weights[$"{path}.{name}.bias"]);
        Tensor tokens = functional.group_norm(x, 4, weights[$"{path}.group_norm.weight"], weights[$"{path}.group_norm.bias"], 1e-5).flatten(2).transpose(1, 2);
        Tensor[] heads = [.. Linear("to_q", tokens).chunk(2, -1).Zip(Linear("to_k", tokens).chunk(2, -1), Linear("to_v", tokens).chunk(2, -1)).Select(
            head => head.First.matmul(head.Second.transpose(1, 2)).Times(1 / Math.Sqrt(8)).softmax(-1).matmul(head.Third))];
        return x.Plus(Linear("to_out.0", cat(heads, -1)).transpose(1, 2).reshape(x.shape));
    }
}
