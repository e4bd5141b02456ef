using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Solvers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Pipelines;

/// <summary>
/// Fills in a part of a picture. A model trained for it sees the mask and the rest of the picture; any other keeps the rest as
/// it is while it samples. What is outside of the mask leaves as it came, pixel by pixel.
/// </summary>
public static class Inpainting
{
    /// <summary>Generates variants, each with a seed of its own.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="picture">Has the size of the options.</param>
    /// <param name="mask">White where the picture is to be filled in, black elsewhere; of the same size.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How.</param>
    /// <param name="strength">Share of the way from noise to picture that is gone, in (0, 1]; 1 forgets what was under the mask.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>Frames with ids from 0.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model, or a picture has another size.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, Frame picture, Frame mask, string prompt, GenerationOptions options, double strength = 1, int count = 1,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var sampler = new PictureSampler(model, options);
        sampler.CheckSize(picture, "The picture");
        sampler.CheckSize(mask, "The mask");
        int skipped = ImageToImage.SkippedSteps(strength, sampler.Steps);
        SamplingStart Start()
        {
            Tensor white = White(mask);
            Tensor small = functional.interpolate(white, scale_factor: [1.0 / model.Autoencoder.SpatialFactor, 1.0 / model.Autoencoder.SpatialFactor], mode: InterpolationMode.Nearest);
            return new SamplingStart
            {
                Picture = sampler.Encode(picture),
                SkippedSteps = skipped,
                Mask = small,
                Masked = model.Inpaints ? sampler.Encode(picture, kept: white.neg().Plus(1)) : null,
            };
        }

        return sampler.Draw(prompt, count, Start, progress, cancellationToken).Select(drawn => Compose(picture, mask, drawn));
    }

    /// <summary>The drawn pixels where the mask is white, the picture's elsewhere.</summary>
    internal static Frame Compose(Frame picture, Frame mask, Frame drawn) =>
        new(drawn.Id, drawn.Timestamp, drawn.Width, drawn.Height, [.. drawn.Rgb.Select((value, index) => IsWhite(mask, index / 3) ? value : picture.Rgb[index])]);

    // [1, 1, H, W], 1 where white.
    private static Tensor White(Frame mask) =>
        tensor(Enumerable.Range(0, mask.Width * mask.Height).Select(pixel => IsWhite(mask, pixel) ? 1f : 0f).ToArray(), [1, 1, mask.Height, mask.Width]);

    private static bool IsWhite(Frame mask, int pixel) => mask.Rgb[3 * pixel] + mask.Rgb[(3 * pixel) + 1] + mask.Rgb[(3 * pixel) + 2] >= 3 * 128;
}
