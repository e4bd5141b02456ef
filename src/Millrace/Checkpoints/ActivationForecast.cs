using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Transformers;
using Millrace.Models.UNets;

namespace Millrace.Checkpoints;

/// <summary>How many numbers stand at once while a network computes one row. The factors are upper bounds of what was measured on the networks of the tests.</summary>
internal static class ActivationForecast
{
    // Tensors of the width of a stage around its transformer, whose gated feed-forward layers are eight times as wide.
    private const double OfTransformer = 60;

    // Around the last, widest resolution of a decoder.
    private const double OfDecoder = 7;

    // Larger pictures are decoded in tiles.
    private const long LargestWhole = 1024, Tile = 512;

    // Tokens of a prompt beside those of the picture, and the side of the square of latents that makes a token of FLUX.
    private const double PromptTokens = 512;
    private const int FluxPacking = 2;

    /// <summary>Of the denoising network, for one row.</summary>
    public static double OfNetwork(IConditionalNetwork network, long width, long height, int factor)
    {
        double pixels = (double)width / factor * height / factor;
        return network switch
        {
            UNet2DConditionModel unet => Stages(unet.Options.BlockOutChannels, unet.Options.LayersPerBlock, pixels),
            UNet2DModel unet => Stages(unet.Options.BlockOutChannels, unet.Options.LayersPerBlock, pixels),
            SD3Transformer2DModel transformer => Tokens(pixels, transformer.Options.PatchSize, transformer.Options.Width),
            FluxTransformer2DModel transformer => Tokens(pixels, FluxPacking, transformer.Options.Width),
            PixArtTransformer2DModel transformer => Tokens(pixels, transformer.Options.PatchSize, transformer.Options.Width),
            DiTTransformer2DModel transformer => Tokens(pixels, transformer.Options.PatchSize, transformer.Options.Width),
            LuminaNextDiT2DModel transformer => Tokens(pixels, transformer.Options.PatchSize, transformer.Options.HiddenSize),
            _ => 0,
        };
    }

    /// <summary>Of the autoencoder, for one picture.</summary>
    public static double OfAutoencoder(IAutoencoder autoencoder, long width, long height)
    {
        double pixels = Math.Max(width, height) > LargestWhole ? Tile * Tile : (double)width * height;
        return autoencoder switch
        {
            AutoencoderKL kl => pixels * kl.Options.BlockOutChannels.Take(2).Max() * OfDecoder,
            AutoencoderTiny tiny => pixels * tiny.Options.DecoderBlockOutChannels.Max() * OfDecoder,
            _ => 0,
        };
    }

    private static double Stages(IReadOnlyList<int> widths, int layers, double pixels)
    {
        double kept = 0, most = 0;
        for (int stage = 0; stage < widths.Count; stage++)
        {
            double stagePixels = pixels / Math.Pow(4, stage);
            kept += (layers + 1) * widths[stage] * stagePixels;
            most = Math.Max(most, widths[stage] * stagePixels * OfTransformer);
        }

        return kept + most;
    }

    private static double Tokens(double pixels, int patch, int width) => ((pixels / (patch * patch)) + PromptTokens) * width * OfTransformer;
}
