using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Checkpoints.Schedulers;
using Millrace.Guidance;
using Millrace.Pipelines;
using Millrace.Solvers;

namespace Millrace.Cli.Commands;

/// <summary>The options of <c>millrace generate</c> that draw with a solver, in place of the few steps of a stream.</summary>
internal static class SolverOptionSet
{
    public const string List = "list";

    public static Option<NamedSolver?> Solver { get; } = new("--solver")
    {
        Description = "The solver, such as euler, euler-a, heun, ddim, dpmpp-2m, dpmpp-2m-karras, unipc, lcm; list shows all. Without it, that of the model's own scheduler.",
        CustomParser = result => result.Tokens[^1].Value == List ? null : SolverNames.Parse(result),
        HelpName = "NAME",
    };

    public static Option<double?> Churn { get; } = new Option<double?>("--churn")
    {
        Description = "With --solver euler or heun: fresh noise before every step, S_churn of EDM; 0 is none, the number of steps is much.",
        HelpName = "C",
    }.Number();

    public static Option<double?> Rescale { get; } = new Option<double?>("--guidance-rescale")
    {
        Description = "Share of the guided prediction that is brought back to the contrast of the unguided one, in 0..1; 0.7 suits models trained to full noise.",
        HelpName = "R",
    }.Number();

    public static Option<IntervalWord?> Interval { get; } = new("--guidance-interval")
    {
        Description = "The part of the way from noise to picture on which guidance works, such as 0.1-0.8; elsewhere it costs nothing.",
        CustomParser = IntervalWord.Parse,
        HelpName = "A-B",
    };

    public static Option<ProjectionWord?> Projection { get; } = new("--projected-guidance")
    {
        Description = "Guidance that does not saturate: the largest length of the difference it adds and, after a colon, the share of earlier steps that is taken off or added, such as 15:-0.5.",
        CustomParser = ProjectionWord.Parse,
        HelpName = "R[:M]",
    };

    public static Option<PerturbationWord?> Perturbation { get; } = new("--perturbed-attention")
    {
        Description = "Guidance away from the same network without its layout: a scale and, after a colon, the layers of the U-Net to take it from, such as 3 or 3:mid_block,down_blocks.2.",
        CustomParser = PerturbationWord.Parse,
        HelpName = "S[:LAYER,...]",
    };

    public static Option<double?> Strength { get; } = new Option<double?>("--strength")
    {
        Description = "With --input: how much of it may change, above 0 and up to 1. Without it 0.8, with --mask 1.",
        HelpName = "S",
    }.Number();

    public static Option<string?> Mask { get; } = new("--mask") { Description = "With --input: a picture, white where the input is to be filled in.", HelpName = "FILE" };

    public static Option<IReadOnlyList<ControlWord>> Control { get; } = new("--control")
    {
        Description = "A ControlNet folder and the picture that it is shown, its scale and the part of the way it works on, such as ./canny=edges.png:0.8:0-0.5; can be given many times.",
        CustomParser = ControlWord.Parse,
        DefaultValueFactory = _ => [],
        HelpName = "DIR=FILE",
    };

    public static Option<IReadOnlyList<ControlWord>> Adapter { get; } = new("--adapter")
    {
        Description = "A T2I-Adapter, a folder or a single file, and the picture that it is shown, as for --control; can be given many times.",
        CustomParser = ControlWord.Parse,
        DefaultValueFactory = _ => [],
        HelpName = "DIR|FILE=FILE",
    };

    public static Option<IReadOnlyList<ControlWord>> ImagePrompt { get; } = new("--image-prompt")
    {
        Description = "An IP-Adapter's file and a picture that prompts beside the text, as for --control; can be given many times.",
        CustomParser = ControlWord.Parse,
        DefaultValueFactory = _ => [],
        HelpName = "FILE=FILE",
    };

    public static Option<string?> ImageEncoder { get; } = new("--image-encoder")
    {
        Description = "With --image-prompt: the folder of the picture encoder. Without it image_encoder beside the adapter, or in the model's folder.",
        HelpName = "DIR",
    };

    public static Option<string?> Refiner { get; } = new("--refiner") { Description = "SDXL's refiner, a folder or a single file, which draws the last part.", HelpName = "DIR|FILE" };

    public static Option<double?> Handover { get; } = new Option<double?>("--handover")
    {
        Description = "With --refiner: share of the way that is the base model's. Without it 0.8.",
        HelpName = "H",
    }.Number();

    public static Option<string?> Motion { get; } = new("--motion") { Description = "A motion adapter's folder (AnimateDiff, AnimateLCM): draws a clip, into an animated .webp, .png or .gif or a video.", HelpName = "DIR" };

    public static Option<int?> Frames { get; } = new Option<int?>("--frames") { Description = "With --motion: frames of the clip. Without it 16.", HelpName = "N" }.Whole(1);

    public static Option<double?> FramesPerSecond { get; } = new Option<double?>("--fps") { Description = "With --motion: frames a second. Without it 8.", HelpName = "F" }.Number();

    public static Option<int> Batch { get; } = new Option<int>("--batch") { Description = "Pictures that are drawn at once.", DefaultValueFactory = _ => 1, HelpName = "N" }.Whole(1);

    public static IReadOnlyList<Option> All => [Solver, Churn, Rescale, Interval, Projection, Perturbation, Strength, Mask, Control, Adapter, ImagePrompt, ImageEncoder, Refiner, Handover, Motion, Frames, FramesPerSecond, Batch];

    /// <summary>Whether the options ask for a solver: by one of their own, or by a model other than the shipped one without an option of streams.</summary>
    public static bool Applies(ParseResult parsed, Option<IReadOnlyList<int>?> steps)
    {
        bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };
        bool listed = parsed.GetValue(steps) is { Count: > 1 };
        Option? own = All.FirstOrDefault(Given);
        Option? stream = new Option[] { StreamOptionSet.Guidance, StreamOptionSet.Delta }.FirstOrDefault(Given) ?? (listed ? steps : null);
        return own is null || stream is null
            ? own is not null || (stream is null && parsed.GetValue(ModelOptionSet.Model) != ModelCatalog.DefaultModel)
            : throw new ArgumentException($"{own.Name} draws with a solver; {stream.Name}{(stream == steps ? " with a list of steps" : "")} is for the few steps of a stream and cannot go with it.");
    }

    /// <summary>The options of the pipelines.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="steps">Number of steps; null for the usual one.</param>
    /// <param name="shown">Control networks and adapters with their pictures.</param>
    public static GenerationOptions Options(ParseResult parsed, DiffusionModel model, int? steps, ShownNetworks shown)
    {
        PixelSize? size = parsed.GetValue(StreamOptionSet.Size);
        bool scaled = parsed.GetResult(StreamOptionSet.GuidanceScale) is { Implicit: false };
        var options = new GenerationOptions
        {
            Width = size?.Width,
            Height = size?.Height,
            Scheduler = parsed.GetValue(Solver) is { } solver ? Exchanged(model, solver, parsed.GetValue(Churn)) : null,
            Steps = steps,
            GuidanceScale = scaled ? parsed.GetValue(StreamOptionSet.GuidanceScale) : null,
            GuidanceRescale = parsed.GetValue(Rescale) ?? 0,
            GuidanceInterval = parsed.GetValue(Interval) is { } interval ? GuidanceInterval.OfWay(interval.Start, interval.End, model.Process.TrainTimesteps) : null,
            ProjectedGuidance = parsed.GetValue(Projection) is { } projection ? new() { Radius = projection.Radius, Momentum = projection.Momentum } : null,
            PerturbedAttentionScale = parsed.GetValue(Perturbation)?.Scale ?? 0,
            PerturbedAttentionLayers = parsed.GetValue(Perturbation)?.Layers ?? [],
            NegativePrompt = parsed.GetValue(StreamOptionSet.Negative)!,
            Seed = parsed.GetValue(StreamOptionSet.Seed),
            Batch = parsed.GetValue(Batch),
            Controls = shown.Controls,
            Adapters = shown.Adapters,
            ImagePrompts = shown.ImagePrompts,
        };
        options.Validate();
        return options;
    }

    private static DiffusersScheduler Exchanged(DiffusionModel model, NamedSolver solver, double? churn)
    {
        string[] allowed = [.. SolverExchange.SolversFor(model.Process).Select(SolverNames.NameOf)];
        return allowed.Contains(SolverNames.NameOf(solver.Kind))
            ? model.Scheduler.With(solver.Kind, solver.Spacing, churn is { } amount ? new StochasticChurn(amount) : null)
            : throw new ArgumentException($"--solver {SolverNames.NameOf(solver.Kind)} does not run on the model '{model.Name}', which was trained on a {model.Process.GetType().Name}; those that do are {string.Join(", ", allowed)}.");
    }
}
