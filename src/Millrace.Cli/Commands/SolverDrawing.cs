using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models;
using Millrace.Models.UNets;
using Millrace.Pipelines;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>What <c>millrace generate</c> draws with a solver: which pipeline, from which pictures.</summary>
internal static class SolverDrawing
{
    /// <summary>Refuses options that lack one another.</summary>
    public static void Check(ParseResult parsed, bool fromPicture, bool severalOrSheet)
    {
        bool motion = parsed.GetValue(SolverOptionSet.Motion) is not null;
        bool mask = parsed.GetValue(SolverOptionSet.Mask) is not null, refiner = parsed.GetValue(SolverOptionSet.Refiner) is not null;
        (bool Wrong, string Sentence)[] rules =
        [
            (mask && !fromPicture, "--mask goes with --input, the picture that is to be filled in."),
            (parsed.GetValue(SolverOptionSet.Strength) is not null && !fromPicture, "--strength goes with --input, the picture that is to be changed."),
            (parsed.GetValue(SolverOptionSet.Churn) is not null && parsed.GetValue(SolverOptionSet.Solver) is null, "--churn goes with --solver euler or --solver heun."),
            (refiner && fromPicture, "--refiner finishes pictures drawn from a prompt alone; --input cannot go with it."),
            (parsed.GetValue(SolverOptionSet.ImageEncoder) is not null && parsed.GetValue(SolverOptionSet.ImagePrompt)!.Count == 0, "--image-encoder goes with --image-prompt."),
            (parsed.GetValue(SolverOptionSet.Handover) is not null && !refiner, "--handover goes with --refiner."),
            (motion && (fromPicture || refiner), "--motion draws a clip from a prompt alone; --input and --refiner cannot go with it."),
            (motion && severalOrSheet, "--motion draws one clip; --count and --contact-sheet cannot go with it."),
            (!motion && (parsed.GetValue(SolverOptionSet.Frames) is not null || parsed.GetValue(SolverOptionSet.FramesPerSecond) is not null), "--frames and --fps go with --motion."),
        ];
        if (rules.FirstOrDefault(rule => rule.Wrong) is { Sentence: { } sentence })
        {
            throw new ArgumentException(sentence);
        }
    }

    /// <summary>Draws.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="prompt">What to draw.</param>
    /// <param name="steps">Number of steps; null for the usual one.</param>
    /// <param name="read">From the path of a picture to the picture.</param>
    /// <param name="fit">Brings a picture to the size that is drawn.</param>
    /// <param name="input">The picture to start from; null for noise.</param>
    /// <param name="count">How many.</param>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="cancellationToken">Ends the drawing.</param>
    public static async Task<IReadOnlyList<Frame>> DrawAsync(
        ParseResult parsed, DiffusionModel model, string prompt, int? steps, Func<string, Task<Frame>> read, FrameFit fit, string? input, int count,
        IProgress<SamplingProgress> progress, CancellationToken cancellationToken)
    {
        ScalarType precision = ModelOptionSet.PrecisionOf(parsed);
        using ShownNetworks shown = await ShownNetworks.LoadAsync(parsed, precision, read, fit);
        GenerationOptions options = SolverOptionSet.Options(parsed, model, steps, shown);
        double? strength = parsed.GetValue(SolverOptionSet.Strength);
        Frame? start = input is null ? null : fit.Apply(await read(input));
        if (parsed.GetValue(SolverOptionSet.Motion) is { } adapter)
        {
            using UNetMotionModel unet = MotionAdapterFolder.Load(adapter, model.UNet
                ?? throw new ArgumentException($"--motion works on the U-Net of a Stable Diffusion model; '{model.Name}' is of the family {model.Family}."));
            unet.PrepareForInference(precision);
            return Animation.Generate(
                model, unet, prompt, options, parsed.GetValue(SolverOptionSet.Frames) ?? 16, parsed.GetValue(SolverOptionSet.FramesPerSecond) ?? 8, progress, cancellationToken);
        }

        if (parsed.GetValue(SolverOptionSet.Refiner) is { } path)
        {
            using DiffusionModel refiner = Checkpoint.Load(path, ModelOptionSet.Options(parsed) with { TinyAutoencoderPath = null });
            refiner.PrepareForInference(precision);
            return [.. StableDiffusionXLRefiner.Generate(model, refiner, prompt, options, parsed.GetValue(SolverOptionSet.Handover) ?? 0.8, count, progress, cancellationToken)];
        }

        IEnumerable<Frame> drawn = start is null ? TextToImage.Generate(model, prompt, options, count, progress, cancellationToken)
            : parsed.GetValue(SolverOptionSet.Mask) is { } mask ? Inpainting.Generate(model, start, fit.Apply(await read(mask)), prompt, options, strength ?? 1, count, progress, cancellationToken)
            : ImageToImage.Generate(model, start, prompt, options, strength ?? 0.8, count, progress, cancellationToken);
        return [.. drawn];
    }
}
