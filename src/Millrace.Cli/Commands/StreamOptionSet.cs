using System.CommandLine;
using System.CommandLine.Parsing;
using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Processes;
using Millrace.Streaming;

namespace Millrace.Cli.Commands;

/// <summary>The options of <c>millrace stream</c>, as the command line names them.</summary>
internal static class StreamOptionSet
{
    public const string Synthetic = "synthetic";

    private static readonly Dictionary<string, StreamSolver> Solvers = new()
    {
        ["lcm"] = StreamSolver.Lcm,
        ["ddim"] = StreamSolver.Ddim,
        ["dpmpp-2m"] = StreamSolver.DpmPlusPlus2M,
        ["tcd"] = StreamSolver.Tcd,
    };

    public static Option<string> Input { get; } = new("--input", "-i")
    {
        Description = "A picture, a folder of pictures, an animated WebP, GIF or PNG, a video file, a tar archive of pictures, - for raw frames on the standard input, or synthetic.",
        DefaultValueFactory = _ => Synthetic,
        HelpName = "X",
    };

    public static Option<PixelSize?> InputSize { get; } = new("--input-size")
    {
        Description = "Size of raw frames, such as 640x360.",
        CustomParser = OptionParsers.Size,
        HelpName = "WxH",
    };

    public static Option<RawFormat> InputFormat { get; } = new Option<RawFormat>("--input-format")
    {
        Description = "Layout of raw frames.",
        DefaultValueFactory = _ => RawFormat.Rgb24,
    }.AmongNames();

    public static Option<string> Output { get; } = new("--output", "-o")
    {
        Description = "An animated .webp or .png, a video .mp4, .mkv, .webm or .mov, a .jpg of the last frame, a folder (a name ending in /) for one picture a frame, or - for raw frames on the standard output.",
        DefaultValueFactory = _ => "millrace-demo.webp",
        HelpName = "Y",
    };

    public static Option<string?> Prompt { get; } = new("--prompt", "-p") { Description = "What to draw.", HelpName = "TEXT" };

    public static Option<string> Negative { get; } = new("--negative")
    {
        Description = "What to keep away from; used by the guidance full and initialize.",
        DefaultValueFactory = _ => "",
        HelpName = "TEXT",
    };

    public static Option<IReadOnlyList<PromptChange>> PromptAt { get; } = new("--prompt-at")
    {
        Description = "Another prompt from an input frame on, such as 40:\"a red fruit\"; can be given many times.",
        CustomParser = OptionParsers.PromptChanges,
        DefaultValueFactory = _ => [],
        HelpName = "FRAME:PROMPT",
    };

    public static Option<IReadOnlyList<int>?> Steps { get; } = new("--steps")
    {
        Description = "Denoising steps: rising indices into 50 timesteps. 0 is pure noise (the input is ignored), 49 keeps the input; more steps cost more time. Without it: 16,32.",
        CustomParser = OptionParsers.Steps,
        HelpName = "I,I,...",
    };

    public static Option<StreamSolver?> Solver { get; } = new("--solver")
    {
        Description = "How a frame goes from one step to the next: lcm and tcd for models distilled to them, ddim, dpmpp-2m. Without it lcm, for flows ddim, which is Euler there.",
        CustomParser = result => result.Read<StreamSolver>($"one of {string.Join(", ", Solvers.Keys)}", word => Solvers.TryGetValue(word.ToLowerInvariant(), out StreamSolver solver) ? solver : null),
        HelpName = "NAME",
    };

    public static Option<GuidanceType> Guidance { get; } = new Option<GuidanceType>("--guidance")
    {
        Description = "How the prompt is enforced: full costs twice the work, self nearly nothing, initialize one extra row.",
        DefaultValueFactory = _ => GuidanceType.Self,
    }.AmongNames();

    public static Option<double> GuidanceScale { get; } = new Option<double>("--guidance-scale")
    {
        Description = "How hard; 1 is off.",
        DefaultValueFactory = _ => 1.4,
        HelpName = "G",
    }.Number();

    public static Option<double> Delta { get; } = new Option<double>("--delta")
    {
        Description = "With self and initialize: how hard the result is pushed away from the input.",
        DefaultValueFactory = _ => 0.8,
        HelpName = "D",
    }.Number();

    public static Option<PixelSize?> Size { get; } = new("--size")
    {
        Description = "Size of the generated frames, such as 64 or 640x360; without it, the model's own.",
        CustomParser = OptionParsers.Size,
        HelpName = "N|WxH",
    };

    public static Option<FitMode> Fit { get; } = new Option<FitMode>("--fit")
    {
        Description = "How frames of another shape become that size: with bars, cut, or out of proportion.",
        DefaultValueFactory = _ => FitMode.Crop,
    }.AmongNames();

    public static Option<double?> Similarity { get; } = new Option<double?>("--similarity")
    {
        Description = "Skip frames that hardly differ from the one before; likeness in 0..1 from which on, such as 0.98.",
        HelpName = "S",
    }.Number();

    public static Option<long> Seed { get; } = new Option<long>("--seed")
    {
        Description = "The same seed gives the same pixels.",
        DefaultValueFactory = _ => 2,
        HelpName = "N",
    }.Whole(long.MinValue);

    public static Option<int> FrameBuffer { get; } = new Option<int>("--frame-buffer")
    {
        Description = "Frames that go through the network together: more frames a second, more delay.",
        DefaultValueFactory = _ => 1,
        HelpName = "N",
    }.Whole(1);

    public static Option<bool> NoAddNoise { get; } = new("--no-add-noise") { Description = "Add no noise between steps: softer, steadier pictures." };

    public static Option<int?> Frames { get; } = new Option<int?>("--frames") { Description = "Stop after so many input frames.", HelpName = "N" }.Whole(1);

    public static Option<double?> FramesPerSecond { get; } = new Option<double?>("--fps") { Description = "Frames a second, in place of what the input tells.", HelpName = "F" }.Number();

    public static Option<bool> Live { get; } = new("--live") { Description = "The input does not wait: when the engine is slower, the newest frames win." };

    public static Option<bool> SideBySide { get; } = new("--side-by-side") { Description = "Put each input frame to the left of what it became." };

    public static Option<string?> Record { get; } = new("--record") { Description = "Record the session, its input frames included.", HelpName = "FILE" };

    public static Option<string?> Replay { get; } = new("--replay") { Description = "Play a recorded session again: the same model gives the same bytes.", HelpName = "FILE" };

    public static IEnumerable<Option> All =>
    [
        Input, Output, Prompt, PromptAt, Negative, Steps, Solver, Guidance, GuidanceScale, Delta, Size, Fit, Similarity, Seed, FrameBuffer, NoAddNoise,
        Frames, FramesPerSecond, Live, SideBySide, InputSize, InputFormat, Record, Replay,
    ];

    /// <summary>Rules between options: the demo needs no prompt, everything else does; a replayed session has settings of its own.</summary>
    public static void CheckCombination(CommandResult result)
    {
        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
        Option[] ownSettings = [Input, Prompt, PromptAt, Negative, Steps, Solver, Guidance, GuidanceScale, Delta, Size, Similarity, Seed, FrameBuffer, NoAddNoise, Frames];
        if (Given(Replay) && ownSettings.FirstOrDefault(Given) is { } own)
        {
            result.AddError($"--replay has the settings of its session; {own.Name} cannot go with it.");
        }

        if (Given(Input) && !Given(Prompt) && !Given(Replay))
        {
            result.AddError("--prompt is missing: say what to draw.");
        }
    }

    /// <summary>The solver of a stream where nobody says otherwise.</summary>
    public static StreamSolver UsualSolver(DiffusionModel model) => model.Process is FlowProcess ? StreamSolver.Ddim : StreamSolver.Lcm;

    /// <summary>The session that the options describe; without a prompt, the demo's.</summary>
    public static StreamSession Session(ParseResult parsed, DiffusionModel model, IFrameSource source)
    {
        PixelSize size = parsed.GetValue(Size) ?? new PixelSize(model.DefaultSize, model.DefaultSize);
        string negative = parsed.GetValue(Negative)!;
        bool demo = parsed.GetValue(Prompt) is null;
        T Given<T>(Option<T> option, T ofDemo) => demo && parsed.GetResult(option) is null or { Implicit: true } ? ofDemo : parsed.GetValue(option)!;
        IReadOnlyList<PromptChange> changes = demo ? Demo.Changes : parsed.GetValue(PromptAt)!;
        var options = new StreamOptions
        {
            Steps = Given(Steps, Demo.Steps) ?? new StreamOptions().Steps,
            Solver = parsed.GetValue(Solver) ?? UsualSolver(model),
            FrameBufferSize = parsed.GetValue(FrameBuffer),
            Width = size.Width,
            Height = size.Height,
            Guidance = Given(Guidance, Demo.Guidance),
            GuidanceScale = Given(GuidanceScale, Demo.GuidanceScale),
            Delta = parsed.GetValue(Delta),
            AddNoise = !parsed.GetValue(NoAddNoise),
            Seed = parsed.GetValue(Seed),
            SimilarityThreshold = parsed.GetValue(Similarity),
        };
        options.Validate();
        return new StreamSession
        {
            Options = options,
            Prompt = parsed.GetValue(Prompt) ?? Demo.Prompt,
            NegativePrompt = negative,
            DrainWhenStill = parsed.GetValue(Live),
            Commands = [.. changes.Select(change => new Streaming.StreamCommand(change.Frame) { Prompt = change.Prompt, NegativePrompt = negative })],
            FramesPerSecond = source.FramesPerSecond,
        };
    }

    public static StreamEngineOptions EngineOptions(ParseResult parsed, StreamSession session) => new()
    {
        Live = parsed.GetValue(Live),
        Fit = parsed.GetValue(Fit),
        SideBySide = parsed.GetValue(SideBySide),
        Commands = session.Commands,
    };

    public static FrameSourceOptions SourceOptions(ParseResult parsed)
    {
        var defaults = new FrameSourceOptions();
        return new FrameSourceOptions
        {
            RawSize = parsed.GetValue(InputSize) is { } size ? (size.Width, size.Height) : null,
            RawFormat = parsed.GetValue(InputFormat),
            FramesPerSecond = parsed.GetValue(FramesPerSecond) ?? defaults.FramesPerSecond,
            StillFrames = parsed.GetValue(Frames) ?? defaults.StillFrames,
        };
    }
}
