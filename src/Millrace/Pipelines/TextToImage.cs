using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Streaming;

namespace Millrace.Pipelines;

/// <summary>Pictures from a prompt alone, in few steps: the stream batch over fresh noise.</summary>
public static class TextToImage
{
    /// <summary>Generates pictures one after another.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How; its mode is <see cref="StreamMode.TextToImage"/> whatever it says.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="negativePrompt">What to keep away from.</param>
    /// <param name="cancellationToken">Ends the enumeration between two pictures.</param>
    /// <returns>Frames with ids from 0. The same seed gives the same pictures, whatever their number.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, string prompt, StreamOptions options, int count = 1, string negativePrompt = "", CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var pipeline = new StreamPipeline(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, options with { Mode = StreamMode.TextToImage }, prompt, negativePrompt);
        return Generate(pipeline, count, cancellationToken);
    }

    private static IEnumerable<Frame> Generate(StreamPipeline pipeline, int count, CancellationToken cancellationToken)
    {
        using (pipeline)
        {
            for (int id = 0; id < count; id++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                foreach (Frame picture in pipeline.Process(null, id).ToFrames())
                {
                    yield return picture;
                }
            }

            foreach (Frame picture in pipeline.Flush().ToFrames())
            {
                yield return picture;
            }
        }
    }
}
