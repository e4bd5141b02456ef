using System.CommandLine;
using System.Globalization;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;
using Millrace.Pipelines;
using Millrace.Solvers;
using Millrace.Streaming;

namespace Millrace.Cli.Commands;

/// <summary>millrace generate: pictures from a prompt, or from a picture and a prompt.</summary>
internal static class GenerateCommand
{
    private const string Summary = "Draw pictures from a prompt, or from a picture and a prompt.";

    private const string Details = """
        Examples:
          millrace generate --prompt "a smiling cat" --output cat.png
          millrace generate --prompt "a smiling cat" --count 16 --contact-sheet --output cats.png
          millrace generate --prompt "a red apple" --input sketch.png --output apple.png
          millrace generate --prompt "an oil painting" --model ./my-model --size 512 --steps 0,16,32,45
          millrace generate --prompt "a lighthouse" --model ./sdxl --solver dpmpp-2m-karras --steps 30
          millrace generate --prompt "a boat" --model ./sd15 --input bay.png --mask where.png --strength 0.9

        The shipped model draws in the few steps of a stream; other models, and --solver, draw with a solver, by default that of
        the model's own scheduler. Several pictures get numbers: cat-0.png, cat-1.png ... The same --seed gives the same pictures.
        """;

    private static readonly IReadOnlyList<int> FromNoise = [0, 16, 32, 45];
    private static readonly IReadOnlyList<int> FromPicture = [16, 32];

    private static readonly Option<string?> Prompt = new("--prompt", "-p") { Description = "What to draw; for a model of classes, a class.", HelpName = "TEXT" };

    private static readonly Option<string> Output = new("--output", "-o")
    {
        Description = "The picture, .png, .jpg or .webp.",
        HelpName = "FILE",
        DefaultValueFactory = _ => "millrace.png",
    };

    private static readonly Option<string?> Input = new("--input", "-i") { Description = "A sketch or picture to start from.", HelpName = "FILE" };

    private static readonly Option<int> Count = new Option<int>("--count", "-n") { Description = "How many pictures.", DefaultValueFactory = _ => 1, HelpName = "N" }.Whole(1);

    private static readonly Option<bool> Sheet = new("--contact-sheet") { Description = "All pictures on one." };

    private static readonly Option<IReadOnlyList<int>?> Steps = new("--steps")
    {
        Description = "With a solver: the number of steps. In a stream: rising indices into 50 timesteps, the first 0 without --input; without it 0,16,32,45, or with --input 16,32.",
        CustomParser = OptionParsers.Steps,
        HelpName = "N|I,I,...",
    };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("generate", Summary, Details) { Prompt, StreamOptionSet.Negative, Input, Output, Count, Sheet, Steps };
        Option[] shared = [StreamOptionSet.Guidance, StreamOptionSet.GuidanceScale, StreamOptionSet.Delta, StreamOptionSet.Size, StreamOptionSet.Fit, StreamOptionSet.Seed];
        foreach (Option option in shared.Concat(SolverOptionSet.All).Concat(ModelOptionSet.All).Append(CommonOptions.Json))
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        if (parsed.GetResult(SolverOptionSet.Solver) is { Implicit: false } solver && solver.Tokens[^1].Value == SolverOptionSet.List)
        {
            SolverNames.Lines().ToList().ForEach(terminal.WriteLine);
            return ExitCode.Success;
        }

        bool solves = SolverOptionSet.Applies(parsed, Steps);
        string prompt = parsed.GetValue(Prompt) ?? (solves && ModelCatalog.IsUnconditional(parsed.GetValue(ModelOptionSet.Model)!) ? ""
            : throw new ArgumentException("--prompt is missing: say what to draw."));
        string? input = parsed.GetValue(Input);
        SolverDrawing.Check(parsed, input is not null, parsed.GetValue(Count) > 1 || parsed.GetValue(Sheet));
        IReadOnlyList<string> files = Files(parsed);
        await FrameSinks.Create(files[0], SinkOptions(parsed)).DisposeAsync(); // Refuses a wrong name before the work, not after it.
        Frame? sketch = input is null ? null : await ReadAsync(input, cancellationToken);
        using DiffusionModel model = ModelOptionSet.Load(parsed, survey => CheckMemory(parsed, terminal, survey, solves, sketch is not null));
        PromptWarning.Write(terminal, model.TextEncoder, [prompt, parsed.GetValue(StreamOptionSet.Negative)]);
        IReadOnlyList<Frame> pictures = solves
            ? await SolveAsync(parsed, terminal, model, prompt, cancellationToken)
            : await StreamAsync(parsed, terminal, model, sketch, prompt, cancellationToken);
        await WriteAsync(parsed.GetValue(Sheet) ? [ContactSheet.Of(pictures)] : pictures, files, parsed, cancellationToken);
        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(new { files, prompt, Seed = parsed.GetValue(StreamOptionSet.Seed), model = model.Name });
        }
        else
        {
            files.ToList().ForEach(terminal.WriteLine);
        }

        return ExitCode.Success;
    }

    private static void CheckMemory(ParseResult parsed, Terminal terminal, DiffusionModel survey, bool solves, bool fromPicture)
    {
        int bytesPerNumber = ModelOptionSet.BytesPerNumber(parsed);
        if (solves)
        {
            PixelSize size = SizeOf(parsed, survey);
            int frames = parsed.GetValue(SolverOptionSet.Motion) is null ? 1 : parsed.GetValue(SolverOptionSet.Frames) ?? 16;
            MemoryGuard.Check(terminal, survey, size.Width, size.Height, frames * parsed.GetValue(SolverOptionSet.Batch), bytesPerNumber);
        }
        else
        {
            MemoryGuard.Check(terminal, survey, Options(parsed, survey, fromPicture), bytesPerNumber);
        }
    }

    private static Task<IReadOnlyList<Frame>> SolveAsync(ParseResult parsed, Terminal terminal, DiffusionModel model, string prompt, CancellationToken cancellationToken)
    {
        int? steps = parsed.GetValue(Steps)?.Single();
        PixelSize size = SizeOf(parsed, model);
        var fit = new FrameFit(size.Width, size.Height, parsed.GetValue(StreamOptionSet.Fit));
        return ProgressDisplay.RunAsync(terminal, "network calls", null, TimeProvider.System, done =>
        {
            long calls = 0;
            return SolverDrawing.DrawAsync(
                parsed, model, prompt, steps, path => ReadAsync(path, cancellationToken), fit, parsed.GetValue(Input), parsed.GetValue(Count),
                new CallCounter(() => done.Report(++calls)), cancellationToken);
        });
    }

    private static Task<IReadOnlyList<Frame>> StreamAsync(
        ParseResult parsed, Terminal terminal, DiffusionModel model, Frame? sketch, string prompt, CancellationToken cancellationToken)
    {
        StreamOptions options = Options(parsed, model, sketch is not null);
        int count = parsed.GetValue(Count);
        string negative = parsed.GetValue(StreamOptionSet.Negative)!;
        return ProgressDisplay.RunAsync(terminal, "pictures", count, TimeProvider.System, done =>
        {
            var pictures = new List<Frame>();
            IEnumerable<Frame> drawn = sketch is null
                ? TextToImage.Generate(model, prompt, options, count, negative, cancellationToken)
                : ImageToImage.Generate(
                    model, new FrameFit(options.Width, options.Height, parsed.GetValue(StreamOptionSet.Fit)).Apply(sketch), prompt, options, count, negative, cancellationToken);
            foreach (Frame picture in drawn)
            {
                pictures.Add(picture);
                done.Report(pictures.Count);
            }

            return Task.FromResult<IReadOnlyList<Frame>>(pictures);
        });
    }

    private static PixelSize SizeOf(ParseResult parsed, DiffusionModel model) => parsed.GetValue(StreamOptionSet.Size) ?? new PixelSize(model.DefaultSize, model.DefaultSize);

    private static StreamOptions Options(ParseResult parsed, DiffusionModel model, bool fromPicture)
    {
        PixelSize size = SizeOf(parsed, model);
        var options = new StreamOptions
        {
            Steps = parsed.GetValue(Steps) ?? (fromPicture ? FromPicture : FromNoise),
            Solver = StreamOptionSet.UsualSolver(model),
            Width = size.Width,
            Height = size.Height,
            Guidance = parsed.GetValue(StreamOptionSet.Guidance),
            GuidanceScale = parsed.GetValue(StreamOptionSet.GuidanceScale),
            Delta = parsed.GetValue(StreamOptionSet.Delta),
            Seed = parsed.GetValue(StreamOptionSet.Seed),
        };
        options.Validate();
        return options;
    }

    private static async Task<Frame> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await using IFrameSource source = FrameSources.Open(path);
        return await source.ReadAsync(cancellationToken).FirstAsync(cancellationToken);
    }

    private static async Task WriteAsync(IReadOnlyList<Frame> pictures, IReadOnlyList<string> files, ParseResult parsed, CancellationToken cancellationToken)
    {
        // A clip goes into one file, pictures into one each.
        bool clip = parsed.GetValue(SolverOptionSet.Motion) is not null;
        foreach ((string file, IReadOnlyList<Frame> frames) in clip ? [(files[0], pictures)] : files.Zip(pictures, (file, picture) => (file, (IReadOnlyList<Frame>)[picture])))
        {
            await using IFrameSink sink = FrameSinks.Create(file, SinkOptions(parsed));
            foreach (Frame frame in frames)
            {
                await sink.WriteAsync(frame, cancellationToken);
            }

            await sink.CompleteAsync(cancellationToken);
        }
    }

    private static FrameSinkOptions SinkOptions(ParseResult parsed) => new() { SourcePath = parsed.GetValue(Input), Quality = 100 };

    private static IReadOnlyList<string> Files(ParseResult parsed)
    {
        string output = parsed.GetValue(Output)!;
        int count = parsed.GetValue(Sheet) ? 1 : parsed.GetValue(Count);
        return count == 1 ? [output] : [.. Enumerable.Range(0, count).Select(index => Numbered(output, index, count))];
    }

    private static string Numbered(string path, int index, int count)
    {
        int digits = (count - 1).ToString(CultureInfo.InvariantCulture).Length;
        string number = index.ToString($"D{digits}", CultureInfo.InvariantCulture);
        return Path.Combine(Path.GetDirectoryName(path) ?? "", $"{Path.GetFileNameWithoutExtension(path)}-{number}{Path.GetExtension(path)}");
    }

    /// <summary>Reports on the sampling thread: a preview is alive only until the report returns.</summary>
    private sealed class CallCounter(Action called) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => called();
    }
}
