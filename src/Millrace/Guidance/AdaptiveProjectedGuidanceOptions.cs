namespace Millrace.Guidance;

/// <summary>The projection of adaptive projected guidance (Sadat et al. 2024, arXiv 2410.02416, section 4).</summary>
public sealed record AdaptiveProjectedGuidanceOptions
{
    /// <summary>eta: what is kept of the part along the clean sample; 0 keeps nothing, 1 is classifier-free guidance.</summary>
    public double ParallelShare { get; init; }

    /// <summary>beta: share of the accumulated difference of earlier calls that is added to a row's difference, in (-1, 1); below 0 as in the paper, 0 for none.</summary>
    public double Momentum { get; init; }

    /// <summary>r: largest length of a row's difference between clean samples, above 0; null for any.</summary>
    public double? Radius { get; init; }

    /// <summary>Timesteps at which guidance works; null for all.</summary>
    public GuidanceInterval? Interval { get; init; }

    /// <summary>Itself, where its values are allowed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where one is outside its range.</exception>
    public AdaptiveProjectedGuidanceOptions Validated() => !double.IsFinite(ParallelShare)
        ? throw new ArgumentOutOfRangeException(nameof(ParallelShare), $"ParallelShare must be a finite number, got {ParallelShare}.")
        : !(Momentum is > -1 and < 1) ? throw new ArgumentOutOfRangeException(nameof(Momentum), $"Momentum must be in (-1, 1), got {Momentum}.")
        : Radius is { } radius && !(radius > 0)
            ? throw new ArgumentOutOfRangeException(nameof(Radius), $"Radius must be above 0, got {radius}.")
            : this;
}
