using Millrace.Checkpoints;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Benchmarks;

/// <summary>A model of the Stable Diffusion 1.x kind with random weights: what it draws is noise, what it costs is real.</summary>
internal static class RandomModel
{
    /// <summary>A U-Net of 23.6 M parameters, the full tiny autoencoder, text of 77 x 256; for 256 x 256 pixels.</summary>
    public static StableDiffusionParts Create()
    {
        using var generator = new Generator(1);
        var unet = new UNet2DConditionOptions
        {
            BlockOutChannels = [128, 256, 256],
            DownBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.CrossAttention, UNetBlockType.Plain],
            UpBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention, UNetBlockType.CrossAttention],
            LayersPerBlock = 1,
            NumAttentionHeads = [8, 8, 8],
            CrossAttentionDim = 256,
            SampleSize = 32,
        };
        ClipTokenizer tokenizer = ClipTokenizerTrainer.Train(["a picture of something"], 520);
        var text = new ClipTextOptions
        {
            VocabSize = tokenizer.Vocabulary.Count,
            HiddenSize = 256,
            IntermediateSize = 1024,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            EosTokenId = tokenizer.EndId,
        };
        return new StableDiffusionParts(
            new UNet2DConditionModel(unet).Initialize(generator), new AutoencoderTiny(new AutoencoderTinyOptions()).Initialize(generator),
            new ClipTextModel(text).Initialize(generator), tokenizer, VariancePreservingProcess.StableDiffusion, PredictionType.Epsilon);
    }
}
