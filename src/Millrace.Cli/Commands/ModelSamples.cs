using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Evaluation;
using Millrace.Imaging;
using Millrace.Pipelines;
using Millrace.Solvers;
using Millrace.Streaming;
using Millrace.Training.Data;

namespace Millrace.Cli.Commands;

/// <summary>The pictures that a model draws for <c>millrace evaluate</c>: one for each prompt, as <c>millrace generate</c> draws them.</summary>
internal static class ModelSamples
{
    private const int Fewest = PictureComparison.Least;

    private static readonly IReadOnlyList<int> FewSteps = [0, 16, 32, 45];

    private static readonly Option<string?> Prompts = new("--prompts") { Description = "A text file with a prompt on each line, in place of the captions of DATA.", HelpName = "FILE" };

    private static readonly Option<int> Count = new Option<int>("--count", "-n")
    {
        Description = "Pictures that the model draws, at most one for each caption; those asked for are spread over DATA.",
        DefaultValueFactory = _ => 256,
        HelpName = "N",
    }.Whole(Fewest);

    private static readonly Option<IReadOnlyList<int>?> Steps = new("--steps")
    {
        Description = "With a solver: the number of steps. In a stream: rising indices into 50 timesteps, the first 0; without it 0,16,32,45.",
        CustomParser = OptionParsers.Steps,
        HelpName = "N|I,I,...",
    };

    private static readonly Option[] Drawing = [Prompts, Count, Steps, StreamOptionSet.Guidance, StreamOptionSet.GuidanceScale, StreamOptionSet.Delta, StreamOptionSet.Seed];

    public static IEnumerable<Option> Options => [.. Drawing, .. ModelOptionSet.All];

    /// <summary>The first option that is for a model; null where none was given.</summary>
    public static Option? Given(ParseResult parsed) => Options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>Draws.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="terminal">Told how far it has come.</param>
    /// <param name="reference">Whose captions are the prompts.</param>
    /// <param name="size">Side that the pictures are brought to.</param>
    /// <param name="cancellationToken">Ends the drawing.</param>
    public static async Task<SampleSet> DrawAsync(ParseResult parsed, Terminal terminal, PictureSet reference, int size, CancellationToken cancellationToken)
    {
        string[] prompts = await PromptsAsync(parsed, reference, cancellationToken);
        bool solves = SolverOptionSet.Applies(parsed, Steps);
        IReadOnlyList<int>? steps = parsed.GetValue(Steps);
        long seed = parsed.GetValue(StreamOptionSet.Seed);
        using DiffusionModel model = ModelOptionSet.Load(parsed, survey => MemoryGuard.Check(
            terminal, survey, survey.DefaultSize, survey.DefaultSize, 1, ModelOptionSet.BytesPerNumber(parsed)));
        var evaluations = new Evaluations();
        Func<string, int, Frame> draw = solves ? Solving(parsed, model, steps, seed, evaluations) : Streaming(parsed, model, steps ?? FewSteps, seed);
        var fit = new FrameFit(size, size, FitMode.Crop);
        var frames = new List<Frame>();
        return await ProgressDisplay.RunAsync(terminal, "pictures", prompts.Length, TimeProvider.System, done =>
        {
            foreach ((int index, string prompt) in prompts.Index())
            {
                cancellationToken.ThrowIfCancellationRequested();
                frames.Add(fit.Apply(draw(prompt, index)));
                done.Report(frames.Count);
            }

            return Task.FromResult(new SampleSet(model.Name, PixelConversion.ToTensor(frames), [], prompts, [], new DrawingSettings(steps, seed, solves ? evaluations.OfLast : (steps ?? FewSteps).Count)));
        });
    }

    private static Func<string, int, Frame> Solving(ParseResult parsed, DiffusionModel model, IReadOnlyList<int>? steps, long seed, Evaluations evaluations)
    {
        bool scaled = parsed.GetResult(StreamOptionSet.GuidanceScale) is { Implicit: false };
        var options = new GenerationOptions { Steps = steps?.Single(), GuidanceScale = scaled ? parsed.GetValue(StreamOptionSet.GuidanceScale) : null };
        options.Validate();
        return (prompt, index) => TextToImage.Generate(model, prompt, options with { Seed = seed + index }, progress: evaluations).Single();
    }

    private static Func<string, int, Frame> Streaming(ParseResult parsed, DiffusionModel model, IReadOnlyList<int> steps, long seed)
    {
        var options = new StreamOptions
        {
            Steps = steps,
            Width = model.DefaultSize,
            Height = model.DefaultSize,
            Guidance = parsed.GetValue(StreamOptionSet.Guidance),
            GuidanceScale = parsed.GetValue(StreamOptionSet.GuidanceScale),
            Delta = parsed.GetValue(StreamOptionSet.Delta),
        };
        options.Validate();
        return (prompt, index) => TextToImage.Generate(model, prompt, options with { Seed = seed + index }).Single();
    }

    private static async Task<string[]> PromptsAsync(ParseResult parsed, PictureSet reference, CancellationToken cancellationToken)
    {
        string? file = parsed.GetValue(Prompts);
        string[] asked = file is not null ? [.. (await File.ReadAllLinesAsync(file, cancellationToken)).Where(line => line.Length > 0)]
            : ModelCatalog.IsUnconditional(parsed.GetValue(ModelOptionSet.Model)!) && reference.Captions.All(caption => caption.Length == 0) ? [.. reference.Captions]
            : [.. reference.Captions.Where(caption => caption.Length > 0)];
        int count = Math.Min(parsed.GetValue(Count), asked.Length);
        return asked.Length >= Fewest
            ? [.. Enumerable.Range(0, count).Select(index => asked[(int)((long)index * asked.Length / count)])]
            : throw new ArgumentException(file is null
                ? $"The model draws what captions say, and the reference has {asked.Length}; it needs at least {Fewest}, or --prompts."
                : $"'{file}' holds {asked.Length} prompts; it needs at least {Fewest}.");
    }

    /// <summary>Evaluations of the network for the picture drawn last.</summary>
    private sealed class Evaluations : IProgress<SamplingProgress>
    {
        public int OfLast { get; private set; }

        public void Report(SamplingProgress value) => OfLast = value.Evaluations;
    }
}
