namespace Millrace.Guidance;

/// <summary>What classifier-free guidance does beside its scale.</summary>
public sealed record GuidanceOptions
{
    /// <summary>Share of the guided prediction that is brought back to the spread of the prediction under the prompt, in [0, 1] (Lin et al. 2023, arXiv 2305.08891, equations 15 and 16; 0.7 there).</summary>
    public double Rescale { get; init; }

    /// <summary>Timesteps at which guidance works; null for all.</summary>
    public GuidanceInterval? Interval { get; init; }

    /// <summary>Further conditions, each added as its scale times its difference from the negative (Liu et al. 2022, arXiv 2206.01714, equation 11).</summary>
    public IReadOnlyList<GuidanceTerm> Further { get; init; } = [];

    /// <summary>Perturbed-attention guidance of the prompt, added to what is guided; null for none.</summary>
    public PerturbedAttentionGuidance? Perturbed { get; init; }

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where one is outside its range.</exception>
    public GuidanceOptions Validated() => !(Rescale is >= 0 and <= 1)
        ? throw new ArgumentOutOfRangeException(nameof(Rescale), $"Rescale must be in [0, 1], got {Rescale}.")
        : Further.FirstOrDefault(term => !double.IsFinite(term.Scale)) is { } term
            ? throw new ArgumentOutOfRangeException(nameof(Further), $"The scale of a further condition must be a finite number, got {term.Scale}.")
            : this;
}
