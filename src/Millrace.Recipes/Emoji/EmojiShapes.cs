using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Recipes.Emoji;

/// <summary>The shapes of the networks of the emoji model: 64 x 64 pixels, 16 x 16 x 8 latents.</summary>
internal static class EmojiShapes
{
    /// <summary>Side of a picture in pixels.</summary>
    public const int Side = 64;

    private const int TextWidth = 160;

    /// <summary>The autoencoder, but for its scale, which is measured.</summary>
    public static AutoencoderTinyOptions Autoencoder { get; } = new()
    {
        LatentChannels = 8,
        EncoderBlockOutChannels = [32, 32, 32],
        DecoderBlockOutChannels = [32, 32, 32],
        NumEncoderBlocks = [1, 2, 2],
        NumDecoderBlocks = [2, 2, 1],
    };

    /// <summary>The denoiser.</summary>
    public static UNet2DConditionOptions UNet { get; } = new()
    {
        InChannels = 8,
        OutChannels = 8,
        SampleSize = Side / 4,
        BlockOutChannels = [64, 96, 128],
        DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention],
        UpBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain],
        LayersPerBlock = 1,
        NumAttentionHeads = [2, 3, 4],
        NormNumGroups = 32,
        CrossAttentionDim = TextWidth,
    };

    /// <summary>The text encoder of a tokenizer.</summary>
    public static ClipTextOptions Text(ClipTokenizer tokenizer) => new()
    {
        VocabSize = tokenizer.Vocabulary.Count,
        HiddenSize = TextWidth,
        IntermediateSize = 4 * TextWidth,
        NumHiddenLayers = 3,
        NumAttentionHeads = 5,
        MaxPositionEmbeddings = 24,
        EosTokenId = tokenizer.EndId,
    };
}
