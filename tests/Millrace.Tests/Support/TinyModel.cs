using Millrace.Checkpoints;
using Millrace.Models.Adapters;
using Millrace.Models.Autoencoders;
using Millrace.Models.ImageEncoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>A model of the Stable Diffusion kind with random weights, small enough for any test.</summary>
internal static class TinyModel
{
    public static UNet2DConditionOptions UNet { get; } = new()
    {
        SampleSize = 4,
        BlockOutChannels = [8, 16],
        DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
        UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention],
        LayersPerBlock = 1,
        NumAttentionHeads = [2, 2],
        CrossAttentionDim = 16,
        NormNumGroups = 4,
    };

    public static AutoencoderTinyOptions Autoencoder { get; } = new()
    {
        EncoderBlockOutChannels = [4, 4],
        DecoderBlockOutChannels = [4, 4],
        NumEncoderBlocks = [1, 1],
        NumDecoderBlocks = [1, 1],
    };

    public static ClipTextOptions Text { get; } = new()
    {
        VocabSize = 530,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 8,
        EosTokenId = 529,
    };

    public static ClipVisionOptions Vision { get; } = new()
    {
        HiddenSize = 16,
        IntermediateSize = 24,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        ImageSize = 14,
        PatchSize = 4,
        ProjectionDim = 12,
    };

    /// <summary>For <see cref="UNet"/>, by <see cref="Vision"/>.</summary>
    public static IPAdapterOptions ImagePrompt { get; } = new() { ImageWidth = 12, Tokens = 3, ContextWidth = 16, LayerWidths = [8, 8, 8, 16] };

    /// <summary>The U-Net with layers that are wide enough for integers.</summary>
    public static UNet2DConditionOptions WideUNet { get; } = UNet with { SampleSize = 8, BlockOutChannels = [32, 64] };

    public static StableDiffusionParts Create(long seed = 1, bool wide = false)
    {
        using var generator = new Generator((ulong)seed);
        return new StableDiffusionParts(
            new UNet2DConditionModel(wide ? WideUNet : UNet).Initialize(generator),
            new AutoencoderTiny(Autoencoder).Initialize(generator),
            new ClipTextModel(Text).Initialize(generator),
            ClipTokenizerTrainer.Train(["a red car", "a red cat"], 530),
            new VariancePreservingProcess(BetaSchedule.Linear, 0.0001, 0.02, 100),
            PredictionType.VPrediction);
    }

    /// <summary>Writes such a model.</summary>
    public static void Save(string folder, ScalarType precision = ScalarType.Float32, bool wide = false, long seed = 1)
    {
        using StableDiffusionParts parts = Create(seed, wide);
        DiffusersFolder.Save(folder, parts, precision);
    }

    /// <summary>What a model makes of a fixed input: text through the network, and a picture there and back.</summary>
    public static Tensor Answer(DiffusionModel model)
    {
        using var scope = NewDisposeScope();
        Tensor image = linspace(-1, 1, 3 * 64).view(1, 3, 8, 8);
        Tensor latent = model.Autoencoder.Encode(image);
        Tensor prediction = model.Denoiser.Predict(latent, tensor([50f]), model.TextEncoder.Encode(["a red car"]));
        return model.Autoencoder.Decode(prediction).MoveToOuterDisposeScope();
    }
}
