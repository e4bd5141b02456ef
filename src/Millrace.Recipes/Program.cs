using Millrace.Evaluation;
using Millrace.Recipes.Emoji;
using Millrace.Training;
using static TorchSharp.torch;

// STAGES DATA RUN MODEL DEVICE [name=value ...]
using var cancellation = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; cancellation.Cancel(); };
var progress = new Progress<TrainingProgress>(entry => Console.WriteLine(
    $"{entry.Step}/{entry.Steps} loss {entry.Loss:F4} norm {entry.GradientNorm:F3} rate {entry.LearningRate:E2} {entry.Seconds:F0} s"));
using EmojiSet set = EmojiSet.Load(args[1], EmojiShapes.Side);
(string run, string model, Device device) = (args[2], args[3], new Device(args[4]));
// Ten mantissa bits in matrix products are enough here, and on a GPU several times as fast.
backends.cuda.matmul.allow_tf32 = true;
var plan = new EmojiPlan();
foreach (string setting in args[5..])
{
    string[] parts = setting.Split('=');
    plan = parts[0] switch
    {
        "ae" => plan with { AutoencoderSteps = long.Parse(parts[1]) },
        "aebatch" => plan with { AutoencoderBatch = int.Parse(parts[1]) },
        "unet" => plan with { DenoiserSteps = long.Parse(parts[1]) },
        "settle" => plan with { SettlingSteps = long.Parse(parts[1]) },
        "batch" => plan with { DenoiserBatch = int.Parse(parts[1]) },
        "judge" => plan with { JudgeSteps = long.Parse(parts[1]) },
        "precision" => plan with { Precision = parts[1] == "bf16" ? bfloat16 : float32 },
        _ => throw new ArgumentException(setting),
    };
}

foreach (string stage in args[0].Split(','))
{
    Console.WriteLine($"== {stage}");
    switch (stage)
    {
        case "ae": EmojiAutoencoder.Train(set, plan, run, model, device, progress, cancellation.Token); break;
        case "unet": EmojiDenoiser.Learn(set, plan, run, model, device, progress, cancellation.Token); break;
        case "settle": EmojiDenoiser.Settle(set, plan, run, model, device, progress, cancellation.Token); break;
        case "judge":
            (PictureClassifier judge, Proportion accuracy) = EmojiJudge.Train(set, null, plan.JudgeSteps, Path.Combine(run, "judge"), device, progress, cancellation.Token);
            EmojiModel.SaveWeights(judge, Path.Combine(Directory.CreateDirectory(Path.Combine(model, "judge")).FullName, "model.safetensors"));
            Console.WriteLine($"judge on its own pictures: {accuracy}");
            (_, Proportion held) = EmojiJudge.Train(set, 0, plan.JudgeSteps / 2, Path.Combine(run, "judge-fold"), device, progress, cancellation.Token);
            Console.WriteLine($"a judge that saw four fifths, on the fifth: {held}");
            break;
    }
}
