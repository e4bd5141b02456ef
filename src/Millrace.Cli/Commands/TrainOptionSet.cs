using System.CommandLine;
using Millrace.Training.Data;
using Millrace.Training.Pictures;

namespace Millrace.Cli.Commands;

/// <summary>The options of <c>millrace train</c> that shape a run, and are kept with it.</summary>
internal static class TrainOptionSet
{
    private static readonly PictureTrainingOptions Defaults = new();

    public static Option<long> Steps { get; } = new Option<long>("--steps")
    {
        Description = "Steps of the denoiser. With --resume it may be changed, to train longer.",
        DefaultValueFactory = _ => Defaults.Steps,
        HelpName = "N",
    }.Whole(1L);

    /// <summary>Those that a run keeps from its beginning to its end.</summary>
    public static IReadOnlyList<Option> Kept { get; }

    private static readonly Option<int> Size = new Option<int>("--size")
    {
        Description = "Side of the pictures in pixels, a multiple of 32; pictures are cut to a square.",
        DefaultValueFactory = _ => Defaults.Size,
        HelpName = "PIXELS",
    }.Whole(32);

    private static readonly Option<PictureCondition?> Condition = new Option<PictureCondition?>("--condition")
    {
        Description = "What the model is asked with: prompts, classes (captions, or else the names of sub-folders), or nothing. Without it, text where there are captions, else none.",
    }.AmongNames();

    private static readonly Option<PictureNetwork> Network = new Option<PictureNetwork>("--network")
    {
        Description = "How large the networks are; tiny for a first try, small as the shipped model, medium with an accelerator.",
        DefaultValueFactory = _ => Defaults.Network,
    }.AmongNames();

    private static readonly Option<PictureProcess> Process = new Option<PictureProcess>("--process")
    {
        Description = "flow: rectified flow. v: the noise of Stable Diffusion, with which \"millrace stream\" runs the model too.",
        DefaultValueFactory = _ => Defaults.Process,
    }.AmongNames();

    private static readonly Option<long> AutoencoderSteps = new Option<long>("--autoencoder-steps")
    {
        Description = "Steps of the autoencoder, which is trained first.",
        DefaultValueFactory = _ => Defaults.AutoencoderSteps,
        HelpName = "N",
    }.Whole(1L);

    private static readonly Option<int> Batch = new Option<int>("--batch") { Description = "Pictures in a batch.", DefaultValueFactory = _ => Defaults.Batch, HelpName = "N" }.Whole(1);

    private static readonly Option<int> Accumulate = new Option<int>("--accumulate")
    {
        Description = "Batches whose gradients make one step: a larger batch in the same memory.",
        DefaultValueFactory = _ => Defaults.AccumulationSteps,
        HelpName = "N",
    }.Whole(1);

    private static readonly Option<double> LearningRate = new Option<double>("--learning-rate", "--lr")
    {
        Description = "Peak learning rate; lower it where the loss jumps.",
        DefaultValueFactory = _ => Defaults.LearningRate,
        HelpName = "RATE",
    }.Number();

    private static readonly Option<double> Average = new Option<double>("--ema")
    {
        Description = "Decay of the weights' moving average, which is what the model holds.",
        DefaultValueFactory = _ => Defaults.AverageDecay,
        HelpName = "DECAY",
    }.Number();

    private static readonly Option<long> Seed = new Option<long>("--seed") { Description = "The same seed on the same pictures gives the same model, to the bit on a processor.", DefaultValueFactory = _ => Defaults.Seed, HelpName = "N" }.Whole(long.MinValue);

    private static readonly Option<bool> BFloat16 = new("--bf16") { Description = "Compute in bfloat16: faster on processors and accelerators with instructions for it." };

    private static readonly Option<bool> CheckpointGradients = new("--gradient-checkpointing") { Description = "Compute activations a second time in the backward pass: less memory, more time, the same gradients." };

    private static readonly Option<double> HeldOut = new Option<double>("--hold-out")
    {
        Description = "Learn nothing of this share of the pictures, and measure their loss at every preview: it rises where the model learns by heart.",
        HelpName = "SHARE",
    }.Number();

    private static readonly Option<bool> Flip = new("--flip") { Description = "Mirror half of the pictures; not for letters and digits." };

    private static readonly Option<double> Crop = new Option<double>("--crop") { Description = "Cut off up to this share of the side, at random places.", HelpName = "SHARE" }.Number();

    private static readonly Option<double> Shift = new Option<double>("--shift") { Description = "Shift by up to this share of the side.", HelpName = "SHARE" }.Number();

    private static readonly Option<double> Jitter = new Option<double>("--colour-jitter") { Description = "Change brightness, contrast and saturation by up to this.", HelpName = "SHARE" }.Number();

    private static readonly Option<long> CheckpointEvery = Every("--checkpoint-every", "Steps between two checkpoints.", Defaults.CheckpointEvery);

    private static readonly Option<long> PreviewEvery = Every("--preview-every", "Steps between two previews, after which the model folder is up to date.", Defaults.PreviewEvery);

    private static readonly Option<long> LogEvery = Every("--log-every", "Steps between two entries of the log.", Defaults.LogEvery);

    static TrainOptionSet() => Kept =
    [
        Size, Condition, Network, Process, AutoencoderSteps, Batch, Accumulate, LearningRate, Average, Seed, BFloat16, CheckpointGradients, HeldOut, Flip, Crop, Shift, Jitter,
        CheckpointEvery, PreviewEvery, LogEvery,
    ];

    /// <summary>The options of a new run.</summary>
    public static PictureTrainingOptions Read(ParseResult parsed) => new()
    {
        Size = parsed.GetValue(Size),
        Condition = parsed.GetValue(Condition),
        Network = parsed.GetValue(Network),
        Process = parsed.GetValue(Process),
        Steps = parsed.GetValue(Steps),
        AutoencoderSteps = parsed.GetValue(AutoencoderSteps),
        Batch = parsed.GetValue(Batch),
        AccumulationSteps = parsed.GetValue(Accumulate),
        LearningRate = parsed.GetValue(LearningRate),
        AverageDecay = parsed.GetValue(Average),
        Seed = parsed.GetValue(Seed),
        BFloat16 = parsed.GetValue(BFloat16),
        CheckpointGradients = parsed.GetValue(CheckpointGradients),
        HeldOut = parsed.GetValue(HeldOut),
        Augmentation = new PictureAugmentation { Flip = parsed.GetValue(Flip), Crop = parsed.GetValue(Crop), Shift = parsed.GetValue(Shift), ColourJitter = parsed.GetValue(Jitter) },
        CheckpointEvery = parsed.GetValue(CheckpointEvery),
        PreviewEvery = parsed.GetValue(PreviewEvery),
        LogEvery = parsed.GetValue(LogEvery),
    };

    private static Option<long> Every(string name, string description, long usual) =>
        new Option<long>(name) { Description = description, DefaultValueFactory = _ => usual, HelpName = "STEPS" }.Whole(1L);
}
