using System.CommandLine;
using Millrace.Evaluation;
using Millrace.Evaluation.Perceptual;
using Millrace.Runtime;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Cli.Commands;

/// <summary>millrace evaluate: how near pictures are to what they should be.</summary>
internal static class EvaluateCommand
{
    private const string Summary = "Compare pictures, or what a model draws, with reference pictures.";

    private const string Details = """
        SAMPLES and DATA are read as "millrace train" reads pictures: a folder, a tar archive, or an IDX file, with captions where they
        have some. Without SAMPLES a model draws them: a picture for each of --count captions of DATA, or for each line of --prompts.

        Each judge, a small network that takes no part in the training of models, gives the pictures places in a space. A figure is worth
        more where two judges agree that were made and trained apart; "millrace judge" trains one of your own. In each space
          Frechet distance       between the two clouds taken for Gaussians; needs more pictures than the space has sides
          kernel distance        the same question without that assumption, with three kernels; good for few pictures
          sliced Wasserstein     how far the one cloud must be moved to become the other
          precision, density     do samples lie where reference pictures lie?
          recall, coverage       is every kind of reference picture there?
          novelty                how far the nearest reference picture is, over how far those are apart: near 0 is learned by heart
          prompt agreement       is a sample called what the reference pictures of its caption are called?
        Every figure has its 95 % interval: of a share or a mean that of statistics, else by drawing the pictures again from themselves.

        FOLDER gets evaluation.json, with every figure and how it was made, and samples.png: samples, each with the nearest reference
        picture, its name in brackets, below it.

        Examples:
          millrace evaluate ./drawn --reference ./pictures
          millrace evaluate --model ./my-model --reference ./pictures --count 200
          millrace evaluate ./restored --reference ./originals --paired         PSNR and SSIM of files of one name
          millrace evaluate ./restored --reference ./originals --paired --lpips alexnet.pth --lpips-heads alex.pth
          millrace evaluate ./drawn --reference ./pictures --judge emoji-judge --judge ./my-judge
        """;

    private static readonly Argument<string?> Samples = new("SAMPLES") { Description = "The pictures; without them, a model draws.", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string> Reference = new("--reference", "-r") { Description = "What they are compared with.", HelpName = "DATA", Required = true };

    private static readonly Option<string[]> Judges = new("--judge")
    {
        Description = "A judge's folder, or the name of one beside the models; can be given many times.",
        DefaultValueFactory = _ => ["emoji-judge"],
        HelpName = "DIR",
    };

    private static readonly Option<int> Size = new Option<int>("--size") { Description = "Side in pixels at which pictures are compared.", DefaultValueFactory = _ => 64, HelpName = "PIXELS" }.Whole(16);

    private static readonly Option<bool> Paired = new("--paired") { Description = "Compare also each file of SAMPLES with the file of its name in DATA." };

    private static readonly Option<string?> Backbone = new("--lpips") { Description = "With --paired, LPIPS too: weights of AlexNet, VGG16 or SqueezeNet 1.1, as torchvision publishes them.", HelpName = "FILE" };

    private static readonly Option<string?> Heads = new("--lpips-heads") { Description = "The heads of LPIPS 0.1 for that network.", HelpName = "FILE" };

    private static readonly Option<string> Output = new("--output", "-o") { Description = "Folder of the record and the contact sheet.", DefaultValueFactory = _ => "evaluation", HelpName = "FOLDER" };

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("evaluate", Summary, Details) { Samples, Reference, Judges, Size, Paired, Backbone, Heads, Output };
        foreach (Option option in ModelSamples.Options.Append(CommonOptions.Json))
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string reference = parsed.GetRequiredValue(Reference), folder = parsed.GetRequiredValue(Output);
        string? path = parsed.GetValue(Samples);
        if (path is null && parsed.GetValue(Paired))
        {
            throw new ArgumentException("--paired compares files: SAMPLES is missing.");
        }

        if (path is not null && ModelSamples.Given(parsed) is { } given)
        {
            throw new ArgumentException($"{given.Name} is for a model that draws; SAMPLES are drawn already.");
        }

        (string? backbone, string? heads) = (parsed.GetValue(Backbone), parsed.GetValue(Heads));
        if ((backbone is null) != (heads is null) || (backbone is not null && !parsed.GetValue(Paired)))
        {
            throw new ArgumentException("LPIPS compares pairs by a network and its heads: --paired, --lpips and --lpips-heads go together.");
        }

        string[] judges = [.. parsed.GetValue(Judges)!.Select(ModelCatalog.FindJudge)];
        LibTorch.Load();
        int size = parsed.GetValue(Size);
        using PictureSet wanted = Read(terminal, reference, size, cancellationToken);
        using SampleSet found = path is null
            ? await ModelSamples.DrawAsync(parsed, terminal, wanted, size, cancellationToken)
            : SampleSet.Of(path, Read(terminal, path, size, cancellationToken));
        using Tensor pictures = wanted.All();
        var scores = new List<ComparisonScore>();
        if (parsed.GetValue(Paired))
        {
            using PerceptualDistance? perceptual = backbone is null ? null : PerceptualDistance.Load(backbone, heads!);
            scores.AddRange(SamplePairs.Compare(found, wanted, pictures, perceptual));
        }

        scores.Add(PictureComparison.InPixels(found.Pictures, pictures));
        var page = new EvaluationPage(found, wanted);
        foreach (string judge in judges)
        {
            cancellationToken.ThrowIfCancellationRequested();
            scores.AddRange(Judged(terminal, judge, found, wanted, pictures, page));
        }

        Directory.CreateDirectory(folder);
        await page.SaveAsync(Path.Combine(folder, "samples.png"), cancellationToken);
        var record = new EvaluationRecord(found.Origin, found.Captions.Count, reference, wanted.Names.Count, size, judges, found.Settings, [.. wanted.Skipped, .. found.Skipped], scores);
        record.Write(Path.Combine(folder, "evaluation.json"));
        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(record);
        }
        else
        {
            record.Lines().ToList().ForEach(terminal.WriteLine);
            terminal.WriteLine(folder);
        }

        return ExitCode.Success;
    }

    private static IEnumerable<ComparisonScore> Judged(Terminal terminal, string folder, SampleSet found, PictureSet wanted, Tensor pictures, EvaluationPage page)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        using PictureJudge judge = PictureJudge.Load(folder);
        using Tensor samples = judge.Features(found.Pictures), reference = judge.Features(pictures);
        page.Match(samples, reference);
        if (Math.Min(samples.shape[0], reference.shape[0]) <= samples.shape[1])
        {
            terminal.Note($"{name} sees {samples.shape[1]} features: with no more pictures than that, the Frechet distance says little; trust the kernel distances.");
        }

        Proportion? agreement = PromptAgreement.Of(judge, found.Pictures, found.Captions, pictures, wanted.Captions);
        IReadOnlyList<ComparisonScore> scores = PictureComparison.InFeatures(name, samples, reference);
        return agreement is null ? scores : [.. scores, new ComparisonScore(name, "prompt agreement", MeanEstimate.Of(agreement), 1)];
    }

    private static PictureSet Read(Terminal terminal, string path, int size, CancellationToken cancellationToken)
    {
        PictureSet set = PictureSet.Load(path, new PictureSetOptions(size, size), cancellation: cancellationToken);
        if (set.Skipped.Count > 0)
        {
            terminal.Note($"{path}: left out {set.Skipped.Count}, such as {set.Skipped[0].Name}: {set.Skipped[0].Reason}");
        }

        return set;
    }
}
