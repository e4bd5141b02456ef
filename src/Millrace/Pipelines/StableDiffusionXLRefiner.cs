using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>SDXL in two stages (arXiv 2307.01952, section 2.5): the base model goes from noise to a handover, the refiner, which was trained on little noise, from there on.</summary>
public static class StableDiffusionXLRefiner
{
    /// <summary>The aesthetic score that the refiner is told for what it is to keep away from.</summary>
    internal const float NegativeScore = 2.5f;

    /// <summary>Draws pictures with both models.</summary>
    /// <param name="model">The base model; used, not owned.</param>
    /// <param name="refiner">The refiner, over the same latents; used, not owned.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="options">How, for both; a scheduler of theirs is for both too.</param>
    /// <param name="handover">Share of the way from noise to picture that is the base model's, in (0, 1).</param>
    /// <param name="count">How many; at least 1.</param>
    /// <param name="progress">Told after every evaluation of a network.</param>
    /// <param name="cancellationToken">Ends the sampling between two evaluations.</param>
    /// <returns>Frames with ids from 0.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range, or the models do not fit one another.</exception>
    public static IEnumerable<Frame> Generate(
        DiffusionModel model, DiffusionModel refiner, string prompt, GenerationOptions options, double handover = 0.8, int count = 1,
        IProgress<SamplingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (!(handover is > 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(handover), $"The handover must be in (0, 1), got {handover}.");
        }

        if (refiner.Autoencoder.LatentChannels != model.Autoencoder.LatentChannels || refiner.Autoencoder.SpatialFactor != model.Autoencoder.SpatialFactor)
        {
            throw new ArgumentException($"The refiner '{refiner.Name}' must work on the latents of '{model.Name}'.", nameof(refiner));
        }

        PictureSampler first = new(model, options), second = new(refiner, options with { Width = options.Width ?? model.DefaultSize, Height = options.Height ?? model.DefaultSize, Controls = [], Adapters = [], ImagePrompts = [], Attachments = [] });
        double cut = model.Process.TrainTimesteps * (1 - handover);
        (int before, NoiseLevel left) = Before(first, cut);
        (int skipped, NoiseLevel taken) = Before(second, cut);
        return Generate(first, second, prompt, options, count, new Cut(before, skipped, taken.Alpha / left.Alpha), progress, cancellationToken);
    }

    private static IEnumerable<Frame> Generate(
        PictureSampler first, PictureSampler second, string prompt, GenerationOptions options, int count, Cut cut, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        for (int id = 0; id < count; id++)
        {
            Frame[] frames;
            using (NewDisposeScope())
            {
                long[] seed = [options.Seed + id];
                Tensor left = first.Sample(prompt, seed, new SamplingStart { Evaluations = cut.Evaluations }, progress, cancellationToken);
                var start = new SamplingStart { Unfinished = left.Times(cut.Ratio), SkippedSteps = cut.SkippedSteps };
                frames = second.Decode(second.Sample(prompt, seed, start, progress, cancellationToken), id);
            }

            yield return frames[0];
        }
    }

    /// <summary>Evaluations at or above a timestep, and the level of the first below it.</summary>
    private static (int Count, NoiseLevel Next) Before(PictureSampler sampler, double timestep)
    {
        if (sampler.Plan().Solver is not GridSolver solver || solver.Evaluations != sampler.Steps)
        {
            throw new ArgumentException("A handover needs a solver of one evaluation a step, such as Euler or DPM-Solver++ 2M.");
        }

        int count = solver.Timesteps.Count(time => time >= timestep);
        return count > 0 && count < sampler.Steps
            ? (count, solver.Levels[count])
            : throw new ArgumentException($"Both models must have a step on their side of the handover: of {sampler.Steps} steps, {count} lie before it.");
    }

    private sealed record Cut(int Evaluations, int SkippedSteps, double Ratio);
}
