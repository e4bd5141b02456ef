namespace Millrace.Distillation.Adversarial;

/// <summary>How <see cref="DynamicAdversarialObjective"/> runs.</summary>
public sealed record DynamicAdversarialOptions
{
    /// <summary>Timesteps at which samples are told apart, a sub-pool of heads each; at least one.</summary>
    public IReadOnlyList<double> Timesteps { get; init; } = [10, 250, 500, 750];

    /// <summary>Share of all heads that begin anew after each step, in [0, 1].</summary>
    public double RefreshShare { get; init; } = 0.01;

    /// <summary>
    /// Weight of the mean square between what is generated and the pair's sample, at least 0; 0 leaves it to the adversaries alone.
    /// </summary>
    /// <remarks>The regression loss of Yin et al. 2023, arXiv 2311.18828, section 3.3.</remarks>
    public double PairWeight { get; init; }

    /// <summary>Learning rate of the heads over the generator's, above 0.</summary>
    public double HeadRate { get; init; } = 5;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        if (Timesteps.Count == 0)
        {
            throw new ArgumentException("Timesteps must be at least one, got none.");
        }

        if (!(RefreshShare is >= 0 and <= 1) || !(HeadRate > 0) || !(PairWeight >= 0))
        {
            throw new ArgumentException($"RefreshShare must be in [0, 1], HeadRate above 0 and PairWeight at least 0, got {RefreshShare}, {HeadRate} and {PairWeight}.");
        }
    }
}
