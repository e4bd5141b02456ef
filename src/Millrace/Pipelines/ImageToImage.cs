using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Solvers;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>Pictures from a picture and a prompt: a sketch becomes what the prompt says, in the sketch's layout.</summary>
public static class ImageToImage
{
    /// <summary>Generates variants of one picture in few steps through the stream batch, each with a seed of its own: the options' seed, the next, and so on.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="picture">Has the width and height of the options.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How; a first step near 0 changes the picture strongly. Its mode is <see cref="StreamMode.ImageToImage"/> whatever it says.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="negativePrompt">What to keep away from.</param>
    /// <param name="cancellationToken">Ends the enumeration between two pictures.</param>
    /// <returns>Frames with ids from 0.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model, or the picture does not have its size.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, Frame picture, string prompt, StreamOptions options, int count = 1, string negativePrompt = "", CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        model.CheckStreams();
        var pipeline = new StreamPipeline(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.ProcessAt(options.Width, options.Height), options with { Mode = StreamMode.ImageToImage }, prompt, negativePrompt);
        return Generate(pipeline, picture, count, cancellationToken);
    }

    /// <summary>Generates variants of one picture with a solver, each with a seed of its own.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="picture">Has the size of the options.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How.</param>
    /// <param name="strength">Share of the way from noise to picture that is gone, in (0, 1]; 1 forgets the picture.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>Frames with ids from 0.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model, or the picture has another size.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, Frame picture, string prompt, GenerationOptions options, double strength = 0.8, int count = 1,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (model.Inpaints)
        {
            throw new ArgumentException($"The model '{model.Name}' fills in masked pictures: it needs a mask.", nameof(model));
        }

        var sampler = new PictureSampler(model, options);
        sampler.CheckSize(picture, "The picture");
        int skipped = SkippedSteps(strength, sampler.Steps);
        return sampler.Draw(prompt, count, () => new SamplingStart { Picture = sampler.Encode(picture), SkippedSteps = skipped }, progress, cancellationToken);
    }

    /// <summary>Steps left out at the start for a strength; at least one is left.</summary>
    internal static int SkippedSteps(double strength, int steps)
    {
        int gone = strength is > 0 and <= 1
            ? (int)(steps * strength)
            : throw new ArgumentOutOfRangeException(nameof(strength), $"The strength must be above 0 and at most 1, got {strength}.");
        return gone > 0 ? steps - gone : throw new ArgumentOutOfRangeException(nameof(strength), $"A strength of {strength} leaves none of {steps} steps; use more steps, or a strength of at least {1.0 / steps:0.###}.");
    }

    private static IEnumerable<Frame> Generate(StreamPipeline pipeline, Frame picture, int count, CancellationToken cancellationToken)
    {
        using (pipeline)
        {
            StreamOptions first = pipeline.Options;
            for (int id = 0; id < count; id++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                pipeline.Update(first with { Seed = first.Seed + id });
                using Tensor image = PixelConversion.ToTensor(picture);
                foreach (Frame variant in pipeline.Process(image, id).Concat(pipeline.Flush()).ToArray().ToFrames())
                {
                    yield return variant;
                }
            }
        }
    }
}
