using System.Text.Json.Nodes;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>
/// The configuration of a network, read off the shapes of its weights. What shapes do not tell (the number of heads) follows the rule
/// that all published models of the family keep. Names are those of a folder.
/// </summary>
internal static class PartShapes
{
    private const int HeadWidth = 64, HeadsOfFirst = 8, SinusoidsOfSizes = 256;

    /// <summary>A U-Net. With projections stored as convolutions (Stable Diffusion 1.x) there are eight heads, else heads of width 64.</summary>
    public static void WriteUNet(string path, NameSet names, int sampleSize)
    {
        int stages = names.Count("down_blocks.");
        int[] widths = [.. Enumerable.Range(0, stages).Select(stage => names.Side($"down_blocks.{stage}.resnets.0.conv1.weight", 0))];
        bool[] attends = [.. Enumerable.Range(0, stages).Select(stage => names.HasAny($"down_blocks.{stage}.attentions."))];
        int Depth(string attention) => names.Count($"{attention}.transformer_blocks.");
        int middle = Depth("mid_block.attentions.0");
        bool linear = names.Shape("mid_block.attentions.0.proj_in.weight").Count == 2;
        int? sizes = names.Has("add_embedding.linear_1.weight") ? names.Side("add_embedding.linear_1.weight", 1) : null;
        UNetBlockType[] types = [.. attends.Select(attend => attend ? UNetBlockType.CrossAttention : UNetBlockType.Plain)];
        UNet2DConditionConfig.Write(path, new UNet2DConditionOptions
        {
            InChannels = names.Side("conv_in.weight", 1),
            OutChannels = names.Side("conv_out.weight", 0),
            SampleSize = sampleSize,
            BlockOutChannels = widths,
            LayersPerBlock = names.Count("down_blocks.0.resnets."),
            DownBlockTypes = types,
            UpBlockTypes = [.. types.Reverse()],
            TransformerLayersPerBlock = [.. Enumerable.Range(0, stages).Select(stage => (IReadOnlyList<int>)[attends[stage] ? Depth($"down_blocks.{stage}.attentions.0") : stage == stages - 1 ? middle : 1])],
            NumAttentionHeads = [.. widths.Select(width => linear ? width / HeadWidth : HeadsOfFirst)],
            CrossAttentionDim = names.Side("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", 1),
            UseLinearProjection = linear,
            AdditionTimeEmbedDim = sizes is null ? null : SinusoidsOfSizes,
            ProjectionClassEmbeddingsInputDim = sizes,
            TimeCondProjDim = names.Has("time_embedding.cond_proj.weight") ? names.Side("time_embedding.cond_proj.weight", 1) : null,
        });
    }

    /// <summary>An autoencoder.</summary>
    /// <param name="path">The configuration to write.</param>
    /// <param name="names">Of its weights.</param>
    /// <param name="scaling">Factor of its latents, which no weight tells.</param>
    /// <param name="shift">Shift of its latents.</param>
    public static void WriteAutoencoder(string path, NameSet names, double scaling, double shift)
    {
        int stages = names.Count("encoder.down_blocks.");
        JsonArray Every(string item) => [.. Enumerable.Repeat(item, stages).Select(name => JsonValue.Create(name))];
        ConfigFile.Write(path, new JsonObject
        {
            ["_class_name"] = "AutoencoderKL",
            ["in_channels"] = names.Side("encoder.conv_in.weight", 1),
            ["out_channels"] = names.Side("decoder.conv_out.weight", 0),
            ["latent_channels"] = names.Side("decoder.conv_in.weight", 1),
            ["block_out_channels"] = new JsonArray([.. Enumerable.Range(0, stages).Select(stage => names.Side($"encoder.down_blocks.{stage}.resnets.0.conv1.weight", 0))]),
            ["down_block_types"] = Every("DownEncoderBlock2D"),
            ["up_block_types"] = Every("UpDecoderBlock2D"),
            ["layers_per_block"] = names.Count("encoder.down_blocks.0.resnets."),
            ["norm_num_groups"] = 32,
            ["act_fn"] = "silu",
            ["scaling_factor"] = scaling,
            ["shift_factor"] = shift,
            ["use_quant_conv"] = names.Has("quant_conv.weight"),
            ["use_post_quant_conv"] = names.Has("post_quant_conv.weight"),
            ["mid_block_add_attention"] = names.HasAny("encoder.mid_block.attentions."),
        });
    }

    /// <summary>A CLIP text encoder.</summary>
    public static void WriteClip(string path, NameSet names, bool quickGelu)
    {
        const string Tokens = "text_model.embeddings.token_embedding.weight";
        int vocabulary = names.Side(Tokens, 0), width = names.Side(Tokens, 1);
        ClipTextConfig.Write(path, new ClipTextOptions
        {
            VocabSize = vocabulary,
            HiddenSize = width,
            IntermediateSize = names.Side("text_model.encoder.layers.0.mlp.fc1.weight", 0),
            NumHiddenLayers = names.Count("text_model.encoder.layers."),
            NumAttentionHeads = Math.Max(width / HeadWidth, 1),
            MaxPositionEmbeddings = names.Side("text_model.embeddings.position_embedding.weight", 0),
            QuickGelu = quickGelu,
            ProjectionDim = names.Has("text_projection.weight") ? names.Side("text_projection.weight", 0) : null,
            EosTokenId = vocabulary - 1,
        });
    }

    /// <summary>A T5 text encoder.</summary>
    public static void WriteT5(string path, NameSet names)
    {
        int heads = names.Side("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 1);
        bool gated = names.Has("encoder.block.0.layer.1.DenseReluDense.wi_0.weight");
        ConfigFile.Write(path, new JsonObject
        {
            ["architectures"] = new JsonArray("T5EncoderModel"),
            ["model_type"] = "t5",
            ["vocab_size"] = names.Side("shared.weight", 0),
            ["d_model"] = names.Side("shared.weight", 1),
            ["d_kv"] = names.Side("encoder.block.0.layer.0.SelfAttention.q.weight", 0) / heads,
            ["d_ff"] = names.Side("encoder.block.0.layer.1.DenseReluDense.wo.weight", 1),
            ["num_layers"] = names.Count("encoder.block."),
            ["num_heads"] = heads,
            ["relative_attention_num_buckets"] = names.Side("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 0),
            ["feed_forward_proj"] = gated ? "gated-gelu" : "relu",
        });
    }

    /// <summary>The transformer of Stable Diffusion 3, with heads of width 64.</summary>
    public static void WriteStableDiffusion3(string path, NameSet names)
    {
        const string Patches = "pos_embed.proj.weight";
        int width = names.Side(Patches, 0), patch = names.Side(Patches, 2), layers = names.Count("transformer_blocks.");
        int head = names.Has("transformer_blocks.0.attn.norm_q.weight") ? names.Side("transformer_blocks.0.attn.norm_q.weight", 0) : HeadWidth;
        int[] dual = [.. Enumerable.Range(0, layers).Where(layer => names.HasAny($"transformer_blocks.{layer}.attn2."))];
        ConfigFile.Write(path, new JsonObject
        {
            ["_class_name"] = "SD3Transformer2DModel",
            ["sample_size"] = 128,
            ["patch_size"] = patch,
            ["in_channels"] = names.Side(Patches, 1),
            ["out_channels"] = names.Side("proj_out.weight", 0) / (patch * patch),
            ["num_layers"] = layers,
            ["attention_head_dim"] = head,
            ["num_attention_heads"] = width / head,
            ["joint_attention_dim"] = names.Side("context_embedder.weight", 1),
            ["caption_projection_dim"] = width,
            ["pooled_projection_dim"] = names.Side("time_text_embed.text_embedder.linear_1.weight", 1),
            ["pos_embed_max_size"] = (int)Math.Sqrt(names.Side("pos_embed.pos_embed", 1)),
            ["qk_norm"] = names.Has("transformer_blocks.0.attn.norm_q.weight") ? "rms_norm" : null,
            ["dual_attention_layers"] = new JsonArray([.. dual]),
        });
    }

    /// <summary>The transformer of FLUX.1: of the width of a head, an eighth tells the place in a sequence, the rest row and column.</summary>
    public static void WriteFlux(string path, NameSet names)
    {
        int width = names.Side("x_embedder.weight", 0), head = names.Side("transformer_blocks.0.attn.norm_q.weight", 0), axis = head / 16 * 7;
        ConfigFile.Write(path, new JsonObject
        {
            ["_class_name"] = "FluxTransformer2DModel",
            ["patch_size"] = 1,
            ["in_channels"] = names.Side("x_embedder.weight", 1),
            ["num_layers"] = names.Count("transformer_blocks."),
            ["num_single_layers"] = names.Count("single_transformer_blocks."),
            ["attention_head_dim"] = head,
            ["num_attention_heads"] = width / head,
            ["joint_attention_dim"] = names.Side("context_embedder.weight", 1),
            ["pooled_projection_dim"] = names.Side("time_text_embed.text_embedder.linear_1.weight", 1),
            ["guidance_embeds"] = names.HasAny("time_text_embed.guidance_embedder."),
            ["axes_dims_rope"] = new JsonArray(head - (2 * axis), axis, axis),
        });
    }
}
