using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>How long and how wide each stage of the emoji model is trained.</summary>
public sealed record EmojiPlan
{
    /// <summary>Steps of the autoencoder.</summary>
    public long AutoencoderSteps { get; init; } = 10_000;

    /// <summary>Pictures in a batch of the autoencoder.</summary>
    public int AutoencoderBatch { get; init; } = 64;

    /// <summary>Steps of the denoiser with pictures moved anywhere.</summary>
    public long DenoiserSteps { get; init; } = 9_000;

    /// <summary>Steps of the denoiser after that, with pictures in place.</summary>
    public long SettlingSteps { get; init; } = 5_000;

    /// <summary>Pictures in a batch of the denoiser.</summary>
    public int DenoiserBatch { get; init; } = 512;

    /// <summary>Noise and the teacher's samples that the student learns from.</summary>
    public int Pairs { get; init; } = 100_000;

    /// <summary>Steps of the student with pairs.</summary>
    public long DistillationSteps { get; init; } = 6_000;

    /// <summary>Rows in a batch of the student.</summary>
    public int StudentBatch { get; init; } = 384;

    /// <summary>Steps of the judge.</summary>
    public long JudgeSteps { get; init; } = 3_000;

    /// <summary>Precision of the computation of autoencoder and denoiser; the parameters stay float32.</summary>
    public ScalarType Precision { get; init; } = ScalarType.Float32;

    /// <summary>The same plan with a share of the steps of every stage, at least one each.</summary>
    public EmojiPlan Scaled(double share)
    {
        long Steps(long steps) => Math.Max(1, (long)Math.Round(steps * share));
        return this with
        {
            AutoencoderSteps = Steps(AutoencoderSteps),
            DenoiserSteps = Steps(DenoiserSteps),
            SettlingSteps = Steps(SettlingSteps),
            DistillationSteps = Steps(DistillationSteps),
            JudgeSteps = Steps(JudgeSteps),
        };
    }

    /// <summary>The same plan, everything far shorter: to see that each stage runs.</summary>
    public EmojiPlan Brief() => this with
    {
        AutoencoderSteps = 10,
        DenoiserSteps = 10,
        SettlingSteps = 10,
        DenoiserBatch = 16,
        Pairs = 64,
        DistillationSteps = 10,
        StudentBatch = 16,
        JudgeSteps = 10,
    };
}
