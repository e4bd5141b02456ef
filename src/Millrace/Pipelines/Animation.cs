using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models.UNets;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>A moving picture from a prompt: AnimateDiff (arXiv 2307.04725) and AnimateLCM (arXiv 2402.00769), a model of pictures with attention over time between its layers.</summary>
public static class Animation
{
    // Keeps the noise of a frame apart from that of the next seed's clip.
    private const long SeedsOfClip = 1_000_003;

    /// <summary>Draws a clip.</summary>
    /// <param name="model">The model of pictures that the U-Net of clips was made of; used, not owned.</param>
    /// <param name="unet">The U-Net of clips, from <see cref="MotionAdapterFolder"/>; used, not owned.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How; without control networks and attachments.</param>
    /// <param name="frames">Frames of the clip, 1 to the number that the adapter knows.</param>
    /// <param name="framesPerSecond">Pace of the clip, above 0.</param>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>Frames with ids and timestamps from 0.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range or does not fit the model.</exception>
    public static IReadOnlyList<Frame> Generate(
        DiffusionModel model, UNetMotionModel unet, string prompt, GenerationOptions options, int frames = 16, double framesPerSecond = 8,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        int most = unet.Options.Motion!.MaxSequenceLength;
        if (frames < 1 || frames > most)
        {
            throw new ArgumentOutOfRangeException(nameof(frames), $"A clip of this motion adapter has 1 to {most} frames, got {frames}.");
        }

        if (!(framesPerSecond > 0 && double.IsFinite(framesPerSecond)))
        {
            throw new ArgumentOutOfRangeException(nameof(framesPerSecond), $"Frames a second must be above 0, got {framesPerSecond}.");
        }

        if (options.NeedsUNet)
        {
            throw new ArgumentException("Control networks, adapters, image prompts and perturbed attention work on pictures, not on clips.", nameof(options));
        }

        using var scope = NewDisposeScope();
        var sampler = new PictureSampler(model, options);
        if (sampler.Plan().Solver.Evaluations is null)
        {
            throw new ArgumentException("A solver that chooses its steps by itself runs row by row, and the frames of a clip belong together; use another.", nameof(options));
        }

        long[] seeds = [.. Enumerable.Range(0, frames).Select(frame => unchecked((options.Seed * SeedsOfClip) + frame))];
        Tensor latents = sampler.Sample(prompt, seeds, new SamplingStart { Network = new ClipNetwork(unet, frames) }, progress, cancellationToken);
        return [.. sampler.Decode(latents, 0).Select(frame => frame with { Timestamp = TimeSpan.FromSeconds(frame.Id / framesPerSecond) })];
    }
}
