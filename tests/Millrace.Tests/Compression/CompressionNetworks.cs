using Millrace.Models.Layers;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Compression;

/// <summary>Tiny backbones with random weights, and an input for each.</summary>
internal static class CompressionNetworks
{
    public static UNet2DConditionModel TextUNet(UNet2DConditionOptions? options = null) =>
        new UNet2DConditionModel(options ?? (TinyModel.UNet with { LayersPerBlock = 2 })).Initialize(new Generator(1));

    public static UNet2DModel ClassUNet() => new UNet2DModel(new UNet2DOptions
    {
        InChannels = 3,
        OutChannels = 3,
        BlockOutChannels = [8, 16],
        DownBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.SelfAttention],
        LayersPerBlock = 2,
        AttentionHeadDim = 4,
        NormNumGroups = 4,
        ClassEmbedding = UNetClassEmbedding.Table,
        NumClassEmbeds = 4,
    }).Initialize(new Generator(1));

    public static DiTTransformer2DModel DiT() => new DiTTransformer2DModel(
        new DiTOptions { OutChannels = 4, NumLayers = 3, NumAttentionHeads = 4, AttentionHeadDim = 4, NumClasses = 4, SampleSize = 8 }).Initialize(new Generator(1));

    public static PixArtTransformer2DModel PixArt()
    {
        PixArtTransformer2DModel network = new PixArtTransformer2DModel(
            new PixArtOptions { NumLayers = 2, NumAttentionHeads = 2, AttentionHeadDim = 12, CrossAttentionDim = 24, CaptionChannels = 6, SampleSize = 8 }).Initialize(new Generator(1));
        using IDisposable noGrad = no_grad();
        foreach ((_, TorchSharp.Modules.Parameter table) in network.named_parameters().Where(entry => entry.name.EndsWith("scale_shift_table", StringComparison.Ordinal)))
        {
            table.Fill(0.1);
        }

        return network;
    }

    /// <summary>Two rows, in the dispose scope of the caller.</summary>
    public static (Tensor X, Tensor T, Conditioning Conditioning) Input(int channels, int text = 16)
    {
        using var generator = new Generator(2);
        return (randn([2, channels, 8, 8], generator: generator), tensor([7f, 307f]),
            new Conditioning(randn([2, 5, text], generator: generator)) { ClassLabels = tensor(new long[] { 1, 2 }) });
    }
}
