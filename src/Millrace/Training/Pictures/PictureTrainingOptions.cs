using Millrace.Training.Data;

namespace Millrace.Training.Pictures;

/// <summary>How a model of one's own pictures is trained.</summary>
public sealed record PictureTrainingOptions
{
    /// <summary>Side of the pictures in pixels; a multiple of 32 in 32..512.</summary>
    public int Size { get; init; } = 64;

    /// <summary>What the model is asked with; null takes text where there are captions, else nothing.</summary>
    public PictureCondition? Condition { get; init; }

    /// <summary>How large the networks are.</summary>
    public PictureNetwork Network { get; init; } = PictureNetwork.Small;

    /// <summary>The path to noise.</summary>
    public PictureProcess Process { get; init; } = PictureProcess.Flow;

    /// <summary>Steps of the denoiser; at least 1.</summary>
    public long Steps { get; init; } = 4000;

    /// <summary>Steps of the autoencoder, which is trained first; at least 1.</summary>
    public long AutoencoderSteps { get; init; } = 1500;

    /// <summary>Pictures in a batch; at least 1.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Batches whose gradients are averaged for one step; at least 1.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>Peak learning rate of the denoiser; above 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decay of the weights' moving average, which is what the model folder holds; in [0, 1).</summary>
    public double AverageDecay { get; init; } = 0.999;

    /// <summary>Seed of everything.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Whether networks compute in bfloat16; parameters stay float32.</summary>
    public bool BFloat16 { get; init; }

    /// <summary>Whether the denoiser's blocks keep their inputs alone for the backward pass: less memory, more time, the same gradients but for rounding.</summary>
    public bool CheckpointGradients { get; init; }

    /// <summary>Share of the pictures that is held out: their loss is measured at every preview, and rises where the model learns by heart; in [0, 0.5].</summary>
    public double HeldOut { get; init; }

    /// <summary>Changes that a picture may undergo each time it is shown.</summary>
    public PictureAugmentation Augmentation { get; init; } = new();

    /// <summary>Steps between two checkpoints; at least 1.</summary>
    public long CheckpointEvery { get; init; } = 250;

    /// <summary>Steps between two previews; at least 1.</summary>
    public long PreviewEvery { get; init; } = 500;

    /// <summary>Steps between two entries of the log; at least 1.</summary>
    public long LogEvery { get; init; } = 50;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        TrainerOptions.Require(Size is >= 32 and <= 512 && Size % 32 == 0, nameof(Size), Size, "a multiple of 32 in 32..512");
        TrainerOptions.Require(AutoencoderSteps >= 1, nameof(AutoencoderSteps), AutoencoderSteps, "at least 1");
        TrainerOptions.Require(Batch >= 1, nameof(Batch), Batch, "at least 1");
        TrainerOptions.Require(HeldOut is >= 0 and <= 0.5, nameof(HeldOut), HeldOut, "in [0, 0.5]");
        Augmentation.Validate();
        Denoiser.Validate();
    }

    internal TrainerOptions Autoencoder => Denoiser with { Steps = AutoencoderSteps, LearningRate = 2e-3, FinalLearningRateRatio = 0.01, AccumulationSteps = 1 };

    internal TrainerOptions Denoiser => new()
    {
        Steps = Steps,
        LearningRate = LearningRate,
        AccumulationSteps = AccumulationSteps,
        AverageDecay = AverageDecay,
        CheckpointEvery = CheckpointEvery,
        PreviewEvery = PreviewEvery,
        LogEvery = LogEvery,
    };
}
