using Millrace.Models.Autoencoders;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;

namespace Millrace.Training.Pictures;

/// <summary>The shapes of the networks: latents of side 16 for the usual sizes, and U-Nets of three resolutions over them.</summary>
/// <param name="size">Side of the pictures in pixels.</param>
/// <param name="network">How large.</param>
internal sealed class PictureShapes(int size, PictureNetwork network)
{
    private const int HeadWidth = 32, ShortestText = 16, LongestText = 77;

    // Sides are halved once less than there are widths.
    private int Stages => size <= 32 ? 2 : size <= 128 ? 3 : 4;

    private int[] Widths => network switch
    {
        PictureNetwork.Tiny => [32, 32, 64],
        PictureNetwork.Small => [64, 96, 128],
        _ => [128, 192, 256],
    };

    private int TextWidth => network switch { PictureNetwork.Tiny => 64, PictureNetwork.Small => 160, _ => 256 };

    private int LatentChannels => network == PictureNetwork.Tiny ? 4 : 8;

    private int SampleSize => size >> (Stages - 1);

    /// <summary>The autoencoder, but for its scale, which is measured.</summary>
    public AutoencoderTinyOptions Autoencoder
    {
        get
        {
            int width = network switch { PictureNetwork.Tiny => 16, PictureNetwork.Small => 32, _ => 64 };
            int[] widths = [.. Enumerable.Repeat(width, Stages)], blocks = [1, .. Enumerable.Repeat(2, Stages - 1)];
            return new()
            {
                LatentChannels = LatentChannels,
                EncoderBlockOutChannels = widths,
                DecoderBlockOutChannels = widths,
                NumEncoderBlocks = blocks,
                NumDecoderBlocks = [.. blocks.Reverse()],
            };
        }
    }

    /// <summary>The denoiser of a model with prompts.</summary>
    public UNet2DConditionOptions WithText => new()
    {
        InChannels = LatentChannels,
        OutChannels = LatentChannels,
        SampleSize = SampleSize,
        BlockOutChannels = Widths,
        DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention],
        UpBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain],
        LayersPerBlock = 1,
        NumAttentionHeads = [.. Widths.Select(width => width / HeadWidth)],
        NormNumGroups = 32,
        CrossAttentionDim = TextWidth,
    };

    /// <summary>The denoiser of a model without prompts.</summary>
    /// <param name="classes">Number of classes; 0 for none.</param>
    public UNet2DOptions WithClasses(int classes) => new()
    {
        InChannels = LatentChannels,
        OutChannels = LatentChannels,
        SampleSize = SampleSize,
        BlockOutChannels = Widths,
        DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.SelfAttention, UNetBlockType.SelfAttention],
        UpBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.SelfAttention, UNetBlockType.Plain],
        LayersPerBlock = 1,
        AttentionHeadDim = HeadWidth,
        NormNumGroups = 32,
        ClassEmbedding = classes > 0 ? UNetClassEmbedding.Table : UNetClassEmbedding.None,
        NumClassEmbeds = classes > 0 ? classes + 1 : null,
    };

    /// <summary>The text encoder of a model with prompts.</summary>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="longest">Tokens of the longest caption.</param>
    public ClipTextOptions Text(ClipTokenizer tokenizer, int longest) => new()
    {
        VocabSize = tokenizer.LargestId + 1,
        HiddenSize = TextWidth,
        IntermediateSize = 4 * TextWidth,
        NumHiddenLayers = 3,
        NumAttentionHeads = TextWidth / HeadWidth,
        MaxPositionEmbeddings = Math.Clamp(longest + 2, ShortestText, LongestText),
        EosTokenId = tokenizer.EndId,
    };
}
