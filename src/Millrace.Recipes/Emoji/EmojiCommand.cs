using System.CommandLine;
using System.Globalization;
using Millrace.Checkpoints;
using Millrace.Evaluation;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>The command line of the emoji model.</summary>
public static class EmojiCommand
{
    private static readonly string[] All = ["autoencoder", "denoiser", "settle", "distil", "judge"];
    private static readonly Option<DirectoryInfo> Data = new("--data") { Description = "Folder with captions.tsv and noto-emoji-72.tar.gz.", Required = true };
    private static readonly Option<string> Model = new("--model") { Description = "Folder of the model.", DefaultValueFactory = _ => "models/emoji" };
    private static readonly Option<string> Judge = new("--judge") { Description = "Folder of the judge.", DefaultValueFactory = _ => "models/emoji-judge" };
    private static readonly Option<string> Run = new("--run") { Description = "Folder for checkpoints, logs and previews; a run that was ended goes on from there.", DefaultValueFactory = _ => "runs/emoji" };
    private static readonly Option<string> Device = new("--device") { Description = "cpu or cuda.", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<int> Stride = new("--stride") { Description = "Ask for one picture in so many.", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Sheet = new("--sheet") { Description = "Write a contact sheet, a PNG." };
    private static readonly Option<string> RequiredSheet = new("--sheet") { Description = "The contact sheet, a PNG.", Required = true };
    private static readonly Option<int> Shown = new("--count") { Description = "How many are drawn.", DefaultValueFactory = _ => 96 };
    private static readonly Option<bool> Brief = new("--brief") { Description = "A few steps of each stage, to see that it runs." };
    private static readonly Option<bool> BFloat16 = new("--bf16") { Description = "Compute in bfloat16, parameters in float32: faster on processors with instructions for it." };
    private static readonly Option<int?> Batch = new("--batch") { Description = "Pictures in a batch of the denoiser, and three quarters as many in one of the student; 512 by default. A GPU takes more in the same time." };
    private static readonly Option<double> Effort = new("--effort") { Description = "Share of the plan's steps that are taken, above 0.", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Teacher = new("--teacher") { Description = "Folder of the many-step model that the shipped one is distilled from.", DefaultValueFactory = _ => "runs/emoji-teacher" };
    private static readonly Option<string?> Measured = new("--teacher") { Description = "Folder of the many-step model, to be measured too." };
    private static readonly Argument<string[]> Stages = new("stages")
    {
        Description = "autoencoder, denoiser, settle, distil, judge; in this order, all of them by default.",
        DefaultValueFactory = _ => All,
    };

    /// <summary>The command and its own.</summary>
    public static Command Create()
    {
        Stages.AcceptOnlyFromAmong(All);
        Device.AcceptOnlyFromAmong("cpu", "cuda");
        Effort.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and < 100))
            {
                result.AddError("--effort is a share above 0 and below 100.");
            }
        });
        var train = new Command("train", "Train the model and its judge.") { Stages, Data, Model, Teacher, Judge, Run, Device, Batch, Effort, BFloat16, Brief };
        train.SetAction((parsed, cancellation) => Task.Run(() => Train(parsed, cancellation), cancellation));
        var evaluate = new Command("evaluate", "Measure a model with its judge.") { Data, Model, Measured, Judge, Stride, Sheet };
        evaluate.SetAction(Evaluate);
        var compositions = new Command("compositions", "Draw some of the pictures that are made of the set's own, with their prompts.") { Data, Shown, RequiredSheet };
        compositions.SetAction(parsed =>
        {
            using EmojiSet set = EmojiSet.Load(parsed.GetValue(Data)!.FullName, EmojiShapes.Side);
            Console.WriteLine(CompositionSheet.Save(set, parsed.GetValue(Shown), parsed.GetValue(RequiredSheet)!));
        });
        return new Command("emoji", "The shipped model of emoji, 64 x 64.") { train, evaluate, compositions };
    }

    private static void Train(ParseResult parsed, CancellationToken cancellation)
    {
        using EmojiSet set = EmojiSet.Load(parsed.GetValue(Data)!.FullName, EmojiShapes.Side);

        // Ten mantissa bits in matrix products are enough here, and on a GPU several times as fast.
        backends.cuda.matmul.allow_tf32 = true;
        (string model, string teacher, string run, var device) = (parsed.GetValue(Model)!, parsed.GetValue(Teacher)!, parsed.GetValue(Run)!, new Device(parsed.GetValue(Device)!));
        var plan = new EmojiPlan { Precision = parsed.GetValue(BFloat16) ? bfloat16 : float32 };
        plan = parsed.GetValue(Batch) is { } batch ? plan with { DenoiserBatch = batch, StudentBatch = batch * 3 / 4 } : plan;
        plan = parsed.GetValue(Brief) ? plan.Brief() : plan.Scaled(parsed.GetValue(Effort));
        var progress = new Progress<TrainingProgress>(entry => Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{entry.Step}/{entry.Steps} loss {entry.Loss:F4} norm {entry.GradientNorm:F3} {entry.Seconds:F0} s")));
        foreach (string stage in parsed.GetValue(Stages)!)
        {
            Console.WriteLine(stage);
            switch (stage)
            {
                case "autoencoder":
                    EmojiAutoencoder.Train(set, plan, run, teacher, device, progress, cancellation);
                    break;
                case "denoiser":
                    EmojiDenoiser.Learn(set, plan, run, teacher, device, progress, cancellation);
                    break;
                case "settle":
                    EmojiDenoiser.Settle(set, plan, run, teacher, device, progress, cancellation);
                    break;
                case "distil":
                    EmojiDistillation.Distil(set, plan, run, teacher, model, device, progress, cancellation);
                    break;
                default:
                    TrainJudge(set, plan, run, parsed.GetValue(Judge)!, device, progress, cancellation);
                    break;
            }
        }
    }

    private static void TrainJudge(EmojiSet set, EmojiPlan plan, string run, string folder, Device device, IProgress<TrainingProgress> progress, CancellationToken cancellation)
    {
        (PictureClassifier classifier, Proportion own) = EmojiJudge.Train(set, null, plan.JudgeSteps, Path.Combine(run, "judge"), device, progress, cancellation);
        using var judge = new PictureJudge(classifier, EmojiJudge.Labels(set));
        judge.Save(folder);
        Console.WriteLine($"on the pictures it was trained on: {own}");
        (PictureClassifier fold, Proportion held) = EmojiJudge.Train(set, 0, plan.JudgeSteps / 2, Path.Combine(run, "judge-fold"), device, progress, cancellation);
        fold.Dispose();
        Console.WriteLine($"one that saw four fifths of the pictures, on the other fifth: {held}");
    }

    private static void Evaluate(ParseResult parsed)
    {
        using EmojiSet set = EmojiSet.Load(parsed.GetValue(Data)!.FullName, EmojiShapes.Side);
        using DiffusionModel model = DiffusersFolder.Load(parsed.GetValue(Model)!);
        using PictureJudge judge = PictureJudge.Load(parsed.GetValue(Judge)!);
        using DiffusionModel? teacher = parsed.GetValue(Measured) is { } folder ? DiffusersFolder.Load(folder) : null;
        foreach (string line in EmojiEvaluation.Run(set, model, teacher, judge, parsed.GetValue(Stride), parsed.GetValue(Sheet)))
        {
            Console.WriteLine(line);
        }
    }
}
