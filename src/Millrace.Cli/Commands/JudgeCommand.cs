using System.CommandLine;
using Millrace.Evaluation;
using Millrace.Runtime;
using Millrace.Training.Data;
using Millrace.Training.Pictures;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace judge: a judge of one's own pictures.</summary>
internal static class JudgeCommand
{
    private const string Summary = "Train a judge: a small network that tells classes of pictures apart, for \"millrace evaluate\".";

    private const string Details = """
        DATA is read as "millrace train" reads pictures; the classes are the captions, or else the names of sub-folders. Several DATA
        make one judge, the classes of each under its own name. FOLDER gets labels.json and model.safetensors, and FOLDER/training the
        log, the loss plot and the checkpoint, from which an ended run goes on.

        Of every fifth picture of a class the judge learns nothing; at the end it says how often it is right about those. A judge must not
        take part in the training of a model that it judges, and two judges of different architecture make a figure worth more.

        Examples:
          millrace judge ./pictures-by-kind -o ./my-judge
          millrace judge ./digits-idx ./clothes -o ./my-judge --architecture mixing --steps 4000
          millrace evaluate --model ./my-model --reference ./pictures --judge ./my-judge
        """;

    private static readonly JudgeTrainingOptions Defaults = new();

    private static readonly Argument<string[]> Data = new("DATA") { Description = "The pictures, in classes; one or more sets.", Arity = ArgumentArity.OneOrMore };

    private static readonly Option<string> Output = new("--output", "-o") { Description = "Folder of the judge.", HelpName = "FOLDER", Required = true };

    private static readonly Option<JudgeArchitecture> Architecture = new Option<JudgeArchitecture>("--architecture")
    {
        Description = "convolutions: edges and shapes wherever they are. mixing: patches and their places.",
        DefaultValueFactory = _ => Defaults.Architecture,
    }.AmongNames();

    private static readonly Option<int> Size = new Option<int>("--size") { Description = "Side in pixels.", DefaultValueFactory = _ => 64, HelpName = "PIXELS" }.Whole(16);

    private static readonly Option<long> Steps = new Option<long>("--steps") { Description = "Optimizer steps.", DefaultValueFactory = _ => Defaults.Steps, HelpName = "N" }.Whole(1L);

    private static readonly Option<int> Batch = new Option<int>("--batch") { Description = "Pictures in a batch.", DefaultValueFactory = _ => Defaults.Batch, HelpName = "N" }.Whole(2);

    private static readonly Option<long> Seed = new Option<long>("--seed") { Description = "Seed of everything.", DefaultValueFactory = _ => Defaults.Seed, HelpName = "N" }.Whole(long.MinValue);

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("judge", Summary, Details) { Data, Output, Architecture, Size, Steps, Batch, Seed };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, terminal, cancellationToken), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = parsed.GetRequiredValue(Output);
        LibTorch.Load();
        (Tensor pixels, IReadOnlyList<string> classes) = Read(terminal, parsed.GetRequiredValue(Data), parsed.GetValue(Size), cancellationToken);
        using (pixels)
        {
            terminal.Note($"{classes.Count} pictures of {classes.Distinct().Count()} classes");
            var options = new JudgeTrainingOptions
            {
                Architecture = parsed.GetValue(Architecture),
                Steps = parsed.GetValue(Steps),
                Batch = parsed.GetValue(Batch),
                Seed = parsed.GetValue(Seed),
            };
            if (JudgeTraining.Train(pixels, classes, options, Path.Combine(folder, "training"), progress: new TrainingNotes(terminal, TimeProvider.System), cancellation: cancellationToken) is not { } trained)
            {
                terminal.Note("Ended; everything is saved. The same command goes on.");
                return ExitCode.Cancelled;
            }

            using PictureJudge judge = trained.Judge;
            judge.Save(folder);
            terminal.WriteLine($"right about pictures that were held out: {trained.HeldOut}");
        }

        terminal.WriteLine(folder);
        return ExitCode.Success;
    }

    /// <summary>All sets as one; where there are several, the name of a set stands before its classes.</summary>
    private static (Tensor Pixels, IReadOnlyList<string> Classes) Read(Terminal terminal, string[] data, int size, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        var pixels = new List<Tensor>();
        var classes = new List<string>();
        foreach (string path in data)
        {
            using PictureSet set = PictureSet.Load(path, new PictureSetOptions(size, size), cancellation: cancellationToken);
            foreach (SkippedSample sample in set.Skipped.Take(1))
            {
                terminal.Note($"{path}: left out {set.Skipped.Count}, such as {sample.Name}: {sample.Reason}");
            }

            string name = data.Length == 1 ? "" : $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))).Split('.')[0]}/";
            classes.AddRange(PictureClasses.Of(set).Select(one => name + one));
            pixels.Add(set.Pixels.clone());
        }

        return (cat(pixels, 0).MoveToOuterDisposeScope(), classes);
    }
}
