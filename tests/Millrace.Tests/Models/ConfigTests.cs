using System.Text.Json.Nodes;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;

namespace Millrace.Tests.Models;

public sealed class ConfigTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid()}.json");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Reads_the_reference_networks()
    {
        UNet2DConditionOptions first = UNet2DConditionConfig.Read(SharedData.Require("golden/unet-sd15/config.json"));
        UNet2DConditionOptions second = UNet2DConditionConfig.Read(SharedData.Require("golden/unet-sd21/config.json"));

        Assert.Equal([4, 4], first.NumAttentionHeads);
        Assert.Equal([4, 8], second.NumAttentionHeads);
        Assert.False(first.UseLinearProjection);
        Assert.True(second.UseLinearProjection);
        Assert.Equal([UNetBlockType.Plain, UNetBlockType.CrossAttention], second.UpBlockTypes);
        Assert.Equal(8, AutoencoderTinyConfig.Read(Path.Combine(AppContext.BaseDirectory, "Fixtures", "autoencoder-tiny", "config.json")).SpatialFactor);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var network = new UNet2DConditionOptions { CrossAttentionDim = 32, NumAttentionHeads = [5, 10, 20, 20], UpcastAttention = true, FreqShift = 1 };
        UNet2DConditionConfig.Write(_path, network);
        Assert.Equivalent(network, UNet2DConditionConfig.Read(_path), strict: true);

        UNet2DConditionOptions large = network with
        {
            LayersPerStage = [1, 2, 3, 1],
            TransformerLayersPerBlock = [[1], [2, 3], [4, 5, 6], [1]],
            ReverseTransformerLayersPerBlock = [[1], [2], [3, 4, 5], [1]],
            OnlyCrossAttention = [true, false, false, true],
            MidBlockType = UNetMidBlockType.None,
            ConvInKernel = 5,
            ScaleShift = true,
            ClassEmbedding = UNetClassEmbedding.Projection,
            ProjectionClassEmbeddingsInputDim = 2816,
            AdditionTimeEmbedDim = 256,
            TimeCondProjDim = 256,
            EncoderHidDim = 48,
            TimestepPostActivation = Activation.Silu,
        };
        UNet2DConditionConfig.Write(_path, large);
        Assert.Equivalent(large, UNet2DConditionConfig.Read(_path), strict: true);

        var autoencoder = new AutoencoderTinyOptions { LatentChannels = 16, Activation = Activation.Mish, ScalingFactor = 0.3 };
        AutoencoderTinyConfig.Write(_path, autoencoder);
        Assert.Equivalent(autoencoder, AutoencoderTinyConfig.Read(_path), strict: true);
    }

    [Theory]
    [InlineData("dual_cross_attention", "true", "null or false, for this feature is not supported")]
    [InlineData("attention_type", "\"gated\"", "\"default\"")]
    [InlineData("addition_embed_type", "\"image\"", "\"text_time\"")]
    [InlineData("transformer_layers_per_block", "[1, \"2\"]", "a list of whole numbers")]
    [InlineData("cross_attention_dim", "[768, 1024]", "one number for all stages")]
    [InlineData("act_fn", "\"tanh\"", "\"relu\" or \"silu\" or \"swish\" or \"gelu\" or \"mish\"")]
    [InlineData("in_channels", "4.5", "a whole number")]
    [InlineData("block_out_channels", "[320, null]", "a list of whole numbers")]
    [InlineData("norm_eps", "\"small\"", "a number")]
    [InlineData("use_linear_projection", "1", "true or false")]
    [InlineData("_class_name", "\"UNet2DModel\"", "\"UNet2DConditionModel\"")]
    public void A_value_that_is_not_supported_is_refused_by_name(string field, string value, string allowed)
    {
        File.WriteAllText(_path, new JsonObject { [field] = JsonNode.Parse(value) }.ToJsonString());

        var error = Assert.Throws<InvalidDataException>(() => UNet2DConditionConfig.Read(_path));
        Assert.StartsWith($"{_path}: field \"{field}\" is ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($", but must be {allowed}.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"block_out_channels\": [320] }")]
    [InlineData("{ \"norm_eps\": -1 }")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("not json")]
    [InlineData("")]
    public void A_file_that_describes_no_network_is_refused(string content)
    {
        File.WriteAllText(_path, content);

        var error = Assert.Throws<InvalidDataException>(() => UNet2DConditionConfig.Read(_path));
        Assert.StartsWith(_path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Features_that_are_off_and_notes_of_training_scripts_are_passed_over()
    {
        File.WriteAllText(_path, """
            { "_name_or_path": "somewhere", "dual_cross_attention": false, "encoder_hid_dim": null, "sample_size": 64, "use_ema_warmup": true, "dropout": 0.0 }
            """);

        Assert.Equal(1280, UNet2DConditionConfig.Read(_path).CrossAttentionDim);
    }
}
