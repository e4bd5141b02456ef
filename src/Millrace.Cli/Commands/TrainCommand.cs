using System.CommandLine;
using Millrace.Runtime;
using Millrace.Training.Data;
using Millrace.Training.Pictures;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace train: a model of one's own pictures.</summary>
internal static class TrainCommand
{
    private const string Summary = "Train a small model of your own pictures.";

    private const string Details = """
        DATA holds the pictures: a folder (with sub-folders), a tar archive (.tar, .tar.gz), a folder of such archives, or an IDX
        file as of MNIST. PNG, JPEG, WebP, GIF and BMP are read. A caption stands in a text file of the picture's name (cat.png,
        cat.txt), in captions.tsv (file, tab, caption) or in captions.jsonl ({"file_name": ..., "text": ...}).

        What happens: an autoencoder learns to pack the pictures (some hundred steps give rough colours, some thousand sharp edges),
        then a denoiser learns to draw them from noise. FOLDER becomes a model that "millrace generate" draws with, from the first
        preview on. FOLDER/training has, for each of the two, log.jsonl, loss.png and a checkpoint, and preview-NNNNNN.png.

        Ctrl-C ends the run after the step in hand and saves everything; --resume goes on from there to the same numbers.

        Examples:
          millrace train ./pictures -o ./my-model                                   prompts, if there are captions
          millrace train ./pictures -o ./try --network tiny --steps 300             does it work? in minutes
          millrace train ./pictures -o ./my-model --flip --crop 0.1 --bf16          few pictures, seen in many ways
          millrace train ./digits-idx -o ./digits --size 32 --condition class
          millrace train -o ./my-model --resume                                     after Ctrl-C
          millrace generate --model ./my-model --prompt "a red boat" --output boat.png

        How to read it: the loss falls fast, then slowly, and never to 0; pictures keep becoming better while it hardly moves. If it
        says NaN or jumps, halve --lr. With fewer than a few hundred pictures the model learns them by heart. docs/training.md walks
        through a whole run.
        """;

    private const int SkippedShown = 5;

    private static readonly Argument<string?> Data = new("DATA") { Description = "The pictures.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string> Output = new("--output", "-o") { Description = "Folder of the model; new or empty.", HelpName = "FOLDER", Required = true };

    private static readonly Option<bool> Resume = new("--resume") { Description = "Go on with the run that FOLDER holds, with its pictures and options." };

    private static readonly Option<string> Device = new("--device") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu", HelpName = "cpu|cuda" };

    public static Command Create(Terminal terminal)
    {
        Device.AcceptOnlyFromAmong("cpu", "cuda");
        var command = new DetailedCommand("train", Summary, Details) { Data, Output, Resume, TrainOptionSet.Steps };
        foreach (Option option in TrainOptionSet.Kept.Append(Device).Append(CommonOptions.Json))
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, terminal, cancellationToken), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = parsed.GetRequiredValue(Output);
        LibTorch.Load();
        var device = new Device(parsed.GetValue(Device)!);
        if (device.type == TorchSharp.DeviceType.CUDA && !cuda.is_available())
        {
            throw new ArgumentException("--device cuda needs a CUDA device and TorchSharp-cuda, and \"millrace doctor\" sees none.");
        }

        using PictureTraining training = Prepare(parsed, folder, cancellationToken);
        Introduce(terminal, training);
        var preview = new TrainPreview(training, folder);
        bool done = training.Run(
            device, step => terminal.Note($"preview: {preview.Write(step)}"), new TrainingNotes(terminal, TimeProvider.System), cancellationToken);
        if (!done)
        {
            terminal.Note($"Ended; everything is saved. Go on with: millrace train -o {folder} --resume");
            return ExitCode.Cancelled;
        }

        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(new { model = folder, pictures = training.Pictures.Names.Count, skipped = training.Pictures.Skipped, options = training.Options });
        }
        else
        {
            terminal.WriteLine(folder);
        }

        return ExitCode.Success;
    }

    private static PictureTraining Prepare(ParseResult parsed, string folder, CancellationToken cancellationToken)
    {
        bool Given(Option option) => parsed.GetResult(option) is { Implicit: false };
        string? data = parsed.GetValue(Data);
        if (!parsed.GetValue(Resume))
        {
            return PictureTraining.Begin(
                data ?? throw new ArgumentException("DATA is missing: say where the pictures are, or --resume."), folder, TrainOptionSet.Read(parsed), cancellation: cancellationToken);
        }

        string? other = data is not null ? "DATA" : TrainOptionSet.Kept.FirstOrDefault(Given)?.Name;
        return other is null
            ? PictureTraining.Resume(folder, Given(TrainOptionSet.Steps) ? parsed.GetValue(TrainOptionSet.Steps) : null, cancellation: cancellationToken)
            : throw new ArgumentException($"{other} cannot go with --resume: a run goes on as it began; only --steps may change.");
    }

    private static void Introduce(Terminal terminal, PictureTraining training)
    {
        PictureTrainingOptions options = training.Options;
        string asked = options.Condition switch { PictureCondition.Text => "with prompts", PictureCondition.Class => $"of {training.Classes.Count} classes", _ => "without prompts" };
        terminal.Note($"{training.Pictures.Names.Count} pictures, {options.Size} x {options.Size}; a {options.Network.ToString().ToLowerInvariant()} model {asked}.");
        IReadOnlyList<SkippedSample> skipped = training.Pictures.Skipped;
        foreach (SkippedSample sample in skipped.Take(SkippedShown))
        {
            terminal.Note($"left out: {sample.Name}: {sample.Reason}");
        }

        if (skipped.Count > 0)
        {
            terminal.Note($"left out in all: {skipped.Count}{(skipped.Count > SkippedShown ? "; --json names them all at the end" : "")}");
        }
    }
}
