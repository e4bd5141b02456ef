using Millrace.Compression.Segments;
using Millrace.Models.Layers;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Tests.Compression;

/// <summary>The one segmentation of the backbones.</summary>
public sealed class SegmentTests
{
    [Fact]
    public void A_U_Net_is_blocks_layers_units_and_skips_under_the_names_of_checkpoints()
    {
        using UNet2DConditionModel network = CompressionNetworks.TextUNet();
        var segments = BackboneSegments.Of(network);

        Assert.Equal(["conv_in", "down_blocks.0", "down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.1", "conv_out"], segments.Blocks.Select(block => block.Name));
        SegmentLayer whole = segments.Layer("down_blocks.0.attentions.1"), inner = segments.Layer("down_blocks.0.attentions.1.transformer_blocks.0");
        Assert.Equal((LayerKind.Attention, "down_blocks.0", (string?)null, true), (whole.Kind, whole.Block, whole.Parent, whole.KeepsShape));
        Assert.Equal((LayerKind.TransformerBlock, whole.Name), (inner.Kind, inner.Parent));
        Assert.False(segments.Layer("up_blocks.0.resnets.0").KeepsShape);
        Assert.DoesNotContain(segments.Removable, layer => layer.Name.StartsWith("up_blocks", StringComparison.Ordinal) && layer.Kind == LayerKind.ResidualBlock);
        Assert.Equal((BranchKind.AttentionHead, 2), (segments.Branch("mid_block.attentions.0.transformer_blocks.0.attn2").Kind, segments.Branch("mid_block.attentions.0.transformer_blocks.0.attn2").Units));
        Assert.Equal((BranchKind.FeedForwardChannel, 64), (segments.Branch("mid_block.attentions.0.transformer_blocks.0.ff").Kind, segments.Branch("mid_block.attentions.0.transformer_blocks.0.ff").Units));
    }

    [Fact]
    public void Every_skip_has_a_giver_and_a_taker_and_hooks_know_them_by_the_same_names()
    {
        using var scope = NewDisposeScope();
        using UNet2DConditionModel network = CompressionNetworks.TextUNet();
        var segments = BackboneSegments.Of(network);
        (Tensor x, Tensor t, Conditioning text) = CompressionNetworks.Input(4);
        var features = new Dictionary<string, Tensor>();
        var skips = new List<Tensor>();
        _ = network.Predict(x, t, text, new UNetHooks
        {
            Feature = (name, feature) => features[name] = feature,
            Skip = (index, skip) =>
            {
                Assert.Equal(index, skips.Count);
                skips.Add(skip);
                return skip;
            },
        });

        Assert.Equal(skips.Count, segments.Skips.Count);
        Assert.All(segments.Skips, skip => Assert.True(ReferenceEquals(features[skip.From], skips[skip.Index]), skip.From));
        Assert.Equal(("conv_in", "up_blocks.1.resnets.2"), (segments.Skips[0].From, segments.Skips[0].To));
        Assert.Equal("up_blocks.0.resnets.0", segments.Skips[^1].To);
        Assert.All(segments.Layers.Where(layer => layer.Parent is null), layer => Assert.Contains(layer.Name, features.Keys));
    }

    [Fact]
    public void Parameters_of_blocks_and_layers_are_those_of_their_names()
    {
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        var segments = BackboneSegments.Of(network);
        long Named(string prefix) => network.named_parameters().Where(entry => entry.name.StartsWith(prefix + ".", StringComparison.Ordinal)).Sum(entry => entry.parameter.numel());

        Assert.All(segments.Blocks, block => Assert.Equal(Named(block.Name), block.Parameters));
        Assert.All(segments.Removable, layer => Assert.Equal(Named(layer.Name), layer.Parameters));
        SegmentLayer changing = segments.Layer("up_blocks.1.resnets.0");
        Assert.Equal(Named(changing.Name) - Named($"{changing.Name}.conv_shortcut"), changing.Parameters);
        Assert.Equal(network.parameters().Sum(parameter => parameter.numel()), segments.TotalParameters);
    }

    [Fact]
    public void A_transformer_is_segmented_by_the_same_rules()
    {
        using DiTTransformer2DModel network = CompressionNetworks.DiT();
        var segments = BackboneSegments.Of(network);

        Assert.Equal(["transformer_blocks.0", "transformer_blocks.1", "transformer_blocks.2"], segments.Removable.Select(layer => layer.Name));
        Assert.Equal(["transformer_blocks.0.attn1", "transformer_blocks.0.ff"], segments.Branches.Take(2).Select(branch => branch.Name));
        Assert.Empty(segments.Skips);
        SegmentBranch heads = segments.Branch("transformer_blocks.1.attn1"), channels = segments.Branch("transformer_blocks.1.ff");
        Assert.Equal((4, (3 * 4 * (16 + 1)) + (4 * 16)), (heads.Units, heads.ParametersPerUnit));
        Assert.Equal((64, 16 + 1 + 16), (channels.Units, channels.ParametersPerUnit));
        Assert.Contains("there are transformer_blocks.0", Assert.Throws<ArgumentException>(() => segments.Layer("down_blocks.0")).Message, StringComparison.Ordinal);
    }
}
