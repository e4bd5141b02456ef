using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.SingleFiles;

public sealed class CheckpointKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", CheckpointKind.LowRankAdapter)]
    [InlineData("unet.mid_block.attentions.0.to_q.lora_A.weight", CheckpointKind.LowRankAdapter)]
    [InlineData("transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight", CheckpointKind.LowRankAdapter)]
    [InlineData("control_model.input_blocks.0.0.weight", CheckpointKind.ControlNet)]
    [InlineData("controlnet_cond_embedding.conv_in.weight", CheckpointKind.ControlNet)]
    [InlineData("ip_adapter.1.to_k_ip.weight", CheckpointKind.ImagePromptAdapter)]
    [InlineData("adapter.body.0.resnets.0.block1.weight", CheckpointKind.SketchAdapter)]
    [InlineData("vision_model.encoder.layers.0.mlp.fc1.weight", CheckpointKind.ImageEncoder)]
    [InlineData("down_blocks.0.motion_modules.0.temporal_transformer.norm.weight", CheckpointKind.MotionModule)]
    [InlineData("single_transformer_blocks.0.attn.to_q.weight transformer_blocks.0.attn.to_q.weight", CheckpointKind.DenoisingNetwork)]
    [InlineData("conv_in.weight down_blocks.0.resnets.0.conv1.weight", CheckpointKind.DenoisingNetwork)]
    [InlineData("decoder.conv_in.weight decoder.up.0.block.0.conv1.weight", CheckpointKind.Autoencoder)]
    [InlineData("first_stage_model.decoder.conv_in.weight first_stage_model.decoder.up.0.block.0.conv1.weight", CheckpointKind.Autoencoder)]
    [InlineData("decoder.layers.0.weight", CheckpointKind.TinyAutoencoder)]
    [InlineData("text_model.encoder.layers.0.mlp.fc1.weight", CheckpointKind.TextEncoder)]
    [InlineData("encoder.block.0.layer.0.SelfAttention.q.weight", CheckpointKind.TextEncoder)]
    [InlineData("emb_params", CheckpointKind.TextualInversion)]
    [InlineData("something", CheckpointKind.Unknown)]
    public void What_is_no_model_is_named_as_what_it_is(string names, CheckpointKind kind)
    {
        using var scope = NewDisposeScope();
        string path = _folder.File("file.safetensors");
        SafetensorsWriter.Write(path, names.Split(' ').Select(name => KeyValuePair.Create(name, ones(1))));
        using var file = TensorFile.Open(path);

        Assert.Equal(kind, CheckpointKinds.Of(new NameSet(path, file.Entries)));
        string message = Assert.Throws<InvalidDataException>(() => SingleFile.Open(path)).Message;
        Assert.StartsWith($"'{path}' holds no model but {CheckpointKinds.Describe(kind)};", message, StringComparison.Ordinal);
    }
}
