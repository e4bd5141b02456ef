namespace Millrace.Models.Transformers;

/// <summary>How a <see cref="LuminaNextDiT2DModel"/> reads a grid that is larger than the one it was trained on (Lumina-Next, arXiv 2406.18583, section 3.2). A value of each call.</summary>
public sealed record LuminaExtrapolation
{
    /// <summary>As it was trained.</summary>
    public static LuminaExtrapolation None { get; } = new();

    /// <summary>What all frequencies are divided by; above 0.</summary>
    public double LinearFactor { get; init; } = 1;

    /// <summary>What the base of the frequencies is multiplied by; above 0.</summary>
    public double BaseFactor { get; init; } = 1;

    /// <summary>Number of tokens in training, against which scores are scaled by sqrt(log n / log of it); null for the usual scale.</summary>
    public int? TrainedTokens { get; init; }

    /// <summary>The rule of the published code: frequencies are divided while the noise is strong (t below <paramref name="switchTime"/>), and their base grows after that.</summary>
    /// <param name="scale">Side of the grid over that of training, at least 1.</param>
    /// <param name="t">Time, 0 is pure noise, 1 is data.</param>
    /// <param name="switchTime">Where the rule changes.</param>
    public static LuminaExtrapolation TimeAware(double scale, double t, double switchTime = 0.3) =>
        t < switchTime ? new() { LinearFactor = scale } : new() { BaseFactor = scale };

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(LinearFactor);
        OptionCheck.Positive(BaseFactor);
        if (TrainedTokens is < 2)
        {
            throw new ArgumentOutOfRangeException(nameof(TrainedTokens), $"{nameof(TrainedTokens)} must be at least 2, got {TrainedTokens}.");
        }
    }
}
