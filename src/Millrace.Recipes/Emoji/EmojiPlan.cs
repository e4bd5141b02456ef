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
    public long DenoiserSteps { get; init; } = 6_800;

    /// <summary>Steps of the denoiser after that, with pictures in place.</summary>
    public long SettlingSteps { get; init; } = 4_000;

    /// <summary>Pictures in a batch of the denoiser.</summary>
    public int DenoiserBatch { get; init; } = 512;

    /// <summary>Steps of the judge.</summary>
    public long JudgeSteps { get; init; } = 3_000;

    /// <summary>Precision of the computation of autoencoder and denoiser; the parameters stay float32.</summary>
    public ScalarType Precision { get; init; } = ScalarType.Float32;
}
