using System.CommandLine;
using System.Globalization;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;
using Millrace.Pipelines;
using Millrace.Streaming;

namespace Millrace.Cli.Commands;

/// <summary>millrace generate: pictures from a prompt, or from a sketch and a prompt.</summary>
internal static class GenerateCommand
{
    private const string Summary = "Draw pictures from a prompt, or from a sketch and a prompt.";

    private const string Details = """
        Examples:
          millrace generate --prompt "a smiling cat" --output cat.png
          millrace generate --prompt "a smiling cat" --count 16 --contact-sheet --output cats.png
          millrace generate --prompt "a red apple" --input sketch.png --output apple.png
          millrace generate --prompt "an oil painting" --model ./my-model --size 512 --steps 0,16,32,45

        Several pictures get numbers: cat-0.png, cat-1.png ... The same --seed gives the same pictures.
        """;

    private static readonly IReadOnlyList<int> FromNoise = [0, 16, 32, 45];
    private static readonly IReadOnlyList<int> FromPicture = [16, 32];

    private static readonly Option<string> Prompt = new("--prompt", "-p") { Description = "What to draw.", Required = true, HelpName = "TEXT" };

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
        Description = "Denoising steps: rising indices into 50 timesteps, the first 0 without --input. Without it: 0,16,32,45, or with --input 16,32.",
        CustomParser = OptionParsers.Steps,
        HelpName = "I,I,...",
    };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("generate", Summary, Details) { Prompt, StreamOptionSet.Negative, Input, Output, Count, Sheet, Steps };
        Option[] shared = [StreamOptionSet.Guidance, StreamOptionSet.GuidanceScale, StreamOptionSet.Delta, StreamOptionSet.Size, StreamOptionSet.Fit, StreamOptionSet.Seed];
        foreach (Option option in shared.Concat(ModelOptionSet.All).Append(CommonOptions.Json))
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string prompt = parsed.GetValue(Prompt)!;
        IReadOnlyList<string> files = Files(parsed);
        await FrameSinks.Create(files[0], SinkOptions(parsed)).DisposeAsync(); // Refuses a wrong name before the work, not after it.
        Frame? sketch = parsed.GetValue(Input) is { } input ? await ReadAsync(input, cancellationToken) : null;
        using DiffusionModel model = ModelOptionSet.Load(parsed);
        StreamOptions options = Options(parsed, model, sketch is not null);
        MemoryGuard.Check(options);
        PromptWarning.Write(terminal, model.TextEncoder, [prompt, parsed.GetValue(StreamOptionSet.Negative)]);

        await ProgressDisplay.RunAsync(terminal, "pictures", parsed.GetValue(Count), TimeProvider.System, async done =>
        {
            var pictures = new List<Frame>();
            foreach (Frame picture in Generate(model, sketch, prompt, options, parsed, cancellationToken))
            {
                pictures.Add(picture);
                done.Report(pictures.Count);
            }

            return await WriteAsync(parsed.GetValue(Sheet) ? [ContactSheet.Of(pictures)] : pictures, files, parsed, cancellationToken);
        });
        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(new { files, prompt, options.Seed, model = model.Name });
        }
        else
        {
            files.ToList().ForEach(terminal.WriteLine);
        }

        return ExitCode.Success;
    }

    private static IEnumerable<Frame> Generate(
        DiffusionModel model, Frame? sketch, string prompt, StreamOptions options, ParseResult parsed, CancellationToken cancellationToken)
    {
        int count = parsed.GetValue(Count);
        string negative = parsed.GetValue(StreamOptionSet.Negative)!;
        return sketch is null
            ? TextToImage.Generate(model, prompt, options, count, negative, cancellationToken)
            : ImageToImage.Generate(
                model, new FrameFit(options.Width, options.Height, parsed.GetValue(StreamOptionSet.Fit)).Apply(sketch), prompt, options, count, negative, cancellationToken);
    }

    private static StreamOptions Options(ParseResult parsed, DiffusionModel model, bool fromPicture)
    {
        PixelSize size = parsed.GetValue(StreamOptionSet.Size) ?? new PixelSize(model.DefaultSize, model.DefaultSize);
        var options = new StreamOptions
        {
            Steps = parsed.GetValue(Steps) ?? (fromPicture ? FromPicture : FromNoise),
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

    private static async Task<int> WriteAsync(List<Frame> pictures, IReadOnlyList<string> files, ParseResult parsed, CancellationToken cancellationToken)
    {
        foreach ((string file, Frame picture) in files.Zip(pictures))
        {
            await using IFrameSink sink = FrameSinks.Create(file, SinkOptions(parsed));
            await sink.WriteAsync(picture, cancellationToken);
            await sink.CompleteAsync(cancellationToken);
        }

        return files.Count;
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
}
