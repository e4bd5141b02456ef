using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Solvers;
using Millrace.Streaming;

namespace Millrace.Pipelines;

/// <summary>Pictures from a prompt alone: with a solver, or in few steps through the stream batch.</summary>
public static class TextToImage
{
    /// <summary>Generates pictures one after another, in few steps through the stream batch.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How; its mode is <see cref="StreamMode.TextToImage"/> whatever it says.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="negativePrompt">What to keep away from.</param>
    /// <param name="cancellationToken">Ends the enumeration between two pictures.</param>
    /// <returns>Frames with ids from 0. The same seed gives the same pictures, whatever their number.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model, or the model cannot be streamed.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, string prompt, StreamOptions options, int count = 1, string negativePrompt = "", CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        model.CheckStreams();
        var pipeline = new StreamPipeline(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.ProcessAt(options.Width, options.Height), options with { Mode = StreamMode.TextToImage }, prompt, negativePrompt);
        return Generate(pipeline, count, cancellationToken);
    }

    /// <summary>Generates pictures with a solver.</summary>
    /// <param name="model">Used, not owned.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How.</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>Frames with ids from 0. The same seed gives the same picture, whatever their number and the batch.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, string prompt, GenerationOptions options, int count = 1, IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (model.Inpaints)
        {
            throw new ArgumentException($"The model '{model.Name}' fills in masked pictures: it needs a picture and a mask.", nameof(model));
        }

        return new PictureSampler(model, options).Draw(prompt, count, () => SamplingStart.FromNoise, progress, cancellationToken);
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
