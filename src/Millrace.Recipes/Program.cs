using Millrace.Recipes.Emoji;
using Millrace.Training;
using static TorchSharp.torch;

// emoji-autoencoder DATA RUN STEPS bf16|fp32
using var cancellation = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; cancellation.Cancel(); };
var progress = new Progress<TrainingProgress>(entry => Console.WriteLine(
    $"{entry.Step}/{entry.Steps} loss {entry.Loss:F4} norm {entry.GradientNorm:F3} rate {entry.LearningRate:E2} {entry.Seconds:F0} s"));
using EmojiSet set = EmojiSet.Load(args[1], 64);
ScalarType precision = args[4] == "bf16" ? bfloat16 : float32;
EmojiAutoencoder.Train(set, args[2], long.Parse(args[3]), precision, progress, cancellation.Token);
