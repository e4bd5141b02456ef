using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>Pictures from a picture and a prompt: a sketch becomes what the prompt says, in the sketch's layout.</summary>
public static class ImageToImage
{
    /// <summary>Generates variants of one picture, each with a seed of its own: the options' seed, the next, and so on.</summary>
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
        var pipeline = new StreamPipeline(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, options with { Mode = StreamMode.ImageToImage }, prompt, negativePrompt);
        return Generate(pipeline, picture, count, cancellationToken);
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
